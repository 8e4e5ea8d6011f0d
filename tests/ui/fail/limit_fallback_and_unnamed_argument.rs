use steadfast::resilient;

fn instead(_: (u32, u32), _: std::io::Error) -> std::io::Result<u32> {
    Ok(0)
}

#[resilient(fallback = instead)]
pub fn call((a, b): (u32, u32)) -> impl Future<Output = std::io::Result<u32>> {
    let sum = a + b;
    async move { Ok(sum) }
}

fn main() {}
