use steadfast::resilient;

pub struct Answer;

#[resilient(fallback(kind = "default"))]
pub async fn call() -> std::io::Result<Answer> {
    Ok(Answer)
}

fn main() {}
