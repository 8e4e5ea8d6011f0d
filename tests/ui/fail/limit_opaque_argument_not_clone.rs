use steadfast::resilient;

#[resilient(retry)]
pub async fn call(text: impl AsRef<str>) -> std::io::Result<usize> {
    Ok(text.as_ref().len())
}

fn main() {}
