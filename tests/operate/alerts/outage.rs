//! An outage of everything, made to order: for each alert something that it is about.

use std::path::PathBuf;
use std::time::Duration;

use steadfast::options::Scope;
use steadfast::{Permit, Policy, State, Steadfast, registry, resilient};
use steadfast_tests::redis::{Folder, Server, wait_for};
use steadfast_tests::{Dependency, Failure, ms, secs};

/// All that is to fire.
pub(super) const ALERTS: [&str; 13] = [
    "CircuitOpen alerts.stripe",
    "CircuitOpenForLong alerts.stripe",
    "CircuitHalfOpen alerts.half",
    "CircuitFlapping alerts.flapping",
    "ManyRetries alerts.retried",
    "RetriesAmplifyLoad alerts.retried",
    "PermanentErrors alerts.mail",
    "RateLimiting alerts.limit",
    "BulkheadFull alerts.places",
    "FallbackActive alerts.charge",
    "RateLimitFallbackActive alerts.fleet",
    "RedisLost",
    "ConfigurationRefused",
];

#[resilient(
    name = "alerts.charge",
    breaker(name = "alerts.stripe", failures = 3, recovery = "1h"),
    retry(max = 3, base = "1ms"),
    rate_limit(name = "alerts.limit", max = 30, per = "1h"),
    bulkhead(name = "alerts.places", max = 1, wait = "0s"),
    timeout = "1s",
    fallback(kind = "default")
)]
async fn charge(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(name = "alerts.mail", breaker(name = "alerts.smtp", failures = 1000))]
async fn mail(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(name = "alerts.retried", retry(max = 3, base = "0s"))]
async fn retried(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

pub(super) struct Outage {
    steadfast: Steadfast,
    file: PathBuf,
    probe: Option<Permit>,
}

impl Outage {
    /// All is well still, in the registry in force.
    pub(super) async fn ahead(redis: &Server, folder: &Folder) -> Self {
        let here = registry();
        here.know_only("alerts.");
        here.set_variables::<&str, &str>([]);
        let file = folder.write("a.toml", "# well\n").unwrap();
        let setup = steadfast::setup().config_file(&file).redis(redis.url());
        let steadfast = setup.start().await.unwrap();
        Policy::builder("alerts.defines")
            .breaker("alerts.half", |it| {
                it.failures(1).recovery(ms(1)).probe_timeout(secs(3600))
            })
            .rate_limit("alerts.fleet", |it| {
                it.scope(Scope::Shared).max(1000).probe(ms(200))
            })
            .build()
            .unwrap();
        let _ = registry()
            .breaker("alerts.tenants")
            .for_key("acme")
            .unwrap()
            .admit();
        let fleet = registry().rate_limit("alerts.fleet");
        fleet.acquire_within(Duration::ZERO).await.unwrap();
        let _ = charge(&Dependency::playing("S")).await;
        Self {
            steadfast,
            file,
            probe: None,
        }
    }

    /// Circuits open, flap and stay half-open, retries come to nothing, a fallback answers, mails are refused
    /// for good, a bad file is refused; it does not end by itself.
    pub(super) async fn go_on(&mut self) {
        std::fs::write(&self.file, "[defaults.braker]\n").unwrap();
        self.steadfast.reload().unwrap_err();
        let half = registry().breaker("alerts.half");
        half.admit().unwrap().failure();
        self.probe = Some(loop {
            match half.admit() {
                Ok(probe) => break probe,
                Err(_) => tokio::time::sleep(ms(5)).await,
            }
        });
        let (places, flapping) = (
            registry().bulkhead("alerts.places"),
            registry().breaker("alerts.flapping"),
        );
        let (limit, fleet) = (
            registry().rate_limit("alerts.limit"),
            registry().rate_limit("alerts.fleet"),
        );
        loop {
            let place = places.try_enter();
            for _ in 0..3 {
                let _ = charge(&Dependency::playing("FFF")).await; // no place
            }
            drop(place);
            let _ = charge(&Dependency::playing("FFF")).await;
            let _ = limit.try_acquire();
            let _ = fleet.acquire_within(Duration::ZERO).await;
            let _ = mail(&Dependency::playing("P")).await;
            let _ = retried(&Dependency::playing("FFF")).await;
            match flapping.state() {
                State::Closed => flapping.force_open(),
                _ => flapping.reset(),
            }
            tokio::time::sleep(ms(10)).await;
        }
    }

    /// All is well again.
    pub(super) fn end(&mut self) {
        for name in ["alerts.stripe", "alerts.half", "alerts.flapping"] {
            registry().breaker(name).reset();
        }
        self.probe = None;
        let fleet = registry().rate_limit("alerts.fleet");
        assert!(
            wait_for(secs(30), || !fleet.status().degraded),
            "Redis is back"
        );
    }
}
