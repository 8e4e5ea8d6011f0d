use steadfast::resilient;

pub struct Client(u64);

impl Client {
    #[resilient(cache(key = id, stale = "1h"))]
    pub async fn page(&mut self, id: u64) -> std::io::Result<u64> {
        self.0 += id;
        Ok(self.0)
    }
}

#[resilient(cache(key = 0, stale = "1h"))]
pub async fn first(sink: &mut Vec<u64>, (a, b): &(u64, u64)) -> std::io::Result<u64> {
    sink.push(a + b);
    Ok(sink[0])
}

fn main() {}
