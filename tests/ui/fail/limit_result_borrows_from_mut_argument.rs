use steadfast::resilient;

#[resilient(retry)]
pub async fn call(items: &mut Vec<u32>) -> std::io::Result<&u32> {
    items.push(1);
    Ok(&items[0])
}

fn main() {}
