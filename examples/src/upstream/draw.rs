//! Numbers that look random and depend on nothing but seed and index, so that concurrency cannot
//! change what a request meets. The mix is that of `SplitMix64` (Steele, Lea, Flood: "Fast Splittable
//! Pseudorandom Number Generators", OOPSLA 2014).

/// What a number is drawn for; numbers of different lanes are independent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lane {
    Fate = 1,
    Latency = 2,
    Order = 3,
    Product = 4,
}

/// The `n`-th number of a lane, in `0.0..1.0`.
pub(crate) fn unit(seed: u64, n: u64, lane: Lane) -> f64 {
    // 53 bits are what an f64 holds exactly.
    (bits(seed, n, lane) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The `n`-th number of a lane, all 64 bits of it.
pub(crate) fn bits(seed: u64, n: u64, lane: Lane) -> u64 {
    mix(mix(seed.wrapping_add(lane as u64)).wrapping_add(n))
}

fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_differ_and_units_stay_below_one() {
        for n in 0..1000 {
            let fate = unit(42, n, Lane::Fate);
            assert!((0.0..1.0).contains(&fate));
            assert_ne!(bits(42, n, Lane::Fate), bits(42, n, Lane::Latency));
        }
    }

    #[test]
    fn the_mean_is_a_half() {
        let sum: f64 = (0..10_000).map(|n| unit(1, n, Lane::Order)).sum();
        assert!((sum / 10_000.0 - 0.5).abs() < 0.01);
    }
}
