use steadfast::resilient;

pub struct Pool<'a>(Vec<&'a str>);

impl<'a> Pool<'a> {
    #[resilient(retry)]
    pub async fn take<'p>(&'p mut self, name: &str) -> std::io::Result<Option<&'p mut &'a str>> {
        println!("{name}");
        Ok(self.0.last_mut())
    }
}

fn main() {}
