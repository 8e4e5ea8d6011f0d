use steadfast::resilient;

#[resilient(retry(share(oder)))]
pub async fn call(order: String, mut count: u32) -> std::io::Result<()> {
    count += 1;
    println!("{order} {count}");
    Ok(())
}

fn main() {}
