//! Free functions, async and sync.
#![deny(warnings)]
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::io;

use steadfast::resilient;

struct Client;
#[derive(Clone)]
struct Order(String);

impl Client {
    async fn send(&self, order: &Order) -> io::Result<u32> {
        tokio::task::yield_now().await;
        Ok(order.0.len().try_into().unwrap_or(u32::MAX))
    }
}

#[resilient]
async fn bare() -> io::Result<u32> {
    Ok(1)
}

#[resilient(breaker = "functions", retry(max = 3), timeout = "5s")]
async fn charge(client: &Client, order: Order) -> io::Result<u32> {
    client.send(&order).await?;
    Ok(consume(order))
}

#[resilient(retry(share(order)))]
async fn shared(client: &Client, order: NoClone) -> io::Result<u32> {
    let order: &NoClone = order;
    client.send(&order.0).await
}

fn consume(order: Order) -> u32 {
    order.0.into_bytes().into_iter().map(u32::from).sum()
}

struct NoClone(Order);

#[resilient(breaker = "functions")]
async fn owned_once(client: &Client, order: NoClone) -> io::Result<NoClone> {
    client.send(&order.0).await?;
    Ok(order)
}

/// Documented, with a section of its own.
///
/// # Errors
///
/// Never.
#[resilient(retry, deadline = "9s")]
pub async fn sinks(into: &mut Vec<u32>, mut start: u32, (low, mut high): (u32, u32), _: u8) -> io::Result<()> {
    start += 1;
    high += low;
    into.extend([start, high]);
    Ok(())
}

#[resilient(retry)]
async fn reference_patterns(
    &(a, ref b): &(u32, String),
    (c, d): &mut (u32, Vec<u32>),
    [first, ..]: [u32; 2],
    Order(text): Order,
) -> io::Result<usize> {
    *c += a;
    d.push(first);
    Ok(b.len() + text.len())
}

#[resilient(retry)]
async fn always_panics(order: Order) -> io::Result<u32> {
    panic!("{}", order.0)
}

#[resilient(retry)]
fn never_returns() -> io::Result<u32> {
    loop {
        std::thread::park();
    }
}

#[resilient(breaker, retry(max = 2, base = "1ms"))]
async fn generic<T, const N: usize>(items: [T; N]) -> io::Result<String>
where
    T: Display + Clone + Send,
{
    Ok(items.iter().map(ToString::to_string).collect())
}

#[resilient(retry)]
async fn opaque_argument(text: impl AsRef<str> + Clone + Send) -> io::Result<usize> {
    Ok(text.as_ref().len())
}

#[resilient(breaker = "functions")]
async fn called_once(f: impl FnOnce() -> u32 + Send) -> io::Result<u32> {
    Ok(f())
}

#[resilient(retry)]
async fn opaque_result(upto: u32) -> io::Result<impl Iterator<Item = u32> + Send> {
    Ok((0..upto).filter(|n| n % 2 == 0))
}

#[resilient(retry)]
async fn borrows(text: &str) -> Result<&str, io::Error> {
    text.split(' ').next().ok_or_else(|| io::Error::other("empty"))
}

#[resilient(retry)]
async fn borrows_named<'a>(_other: &str, text: &'a str) -> Result<&'a str, io::Error> {
    Ok(&text[1..])
}

#[resilient(breaker = "functions")]
async fn borrows_mutably(items: &mut Vec<u32>) -> io::Result<&mut u32> {
    items.push(7);
    items.last_mut().ok_or_else(|| io::Error::other("empty"))
}

#[resilient(retry)]
async fn unused_arguments(_left: NoClone, _right: &mut u32) -> io::Result<()> {
    Ok(())
}

#[resilient(retry)]
async fn calls_itself(n: u32) -> io::Result<u32> {
    match n {
        0 => Ok(1),
        n => Ok(n * Box::pin(calls_itself(n - 1)).await?),
    }
}

#[resilient(retry)]
async fn borrows_apart<'a, T: Clone + Sync>(left: &'a [T], right: &str, _unused: &T) -> io::Result<Vec<&'a T>> {
    Ok(left.iter().take(right.len()).collect())
}

/// Asks for a function by what it is as an async closure.
async fn called_by(f: impl AsyncFn(&str) -> io::Result<usize>) -> io::Result<usize> {
    Ok(f("ab").await? + f("c").await?)
}

#[resilient(timeout = "5s")]
async fn length(text: &str) -> io::Result<usize> {
    Ok(text.len())
}

#[resilient(retry)]
async fn returns_early(n: u32) -> io::Result<u32> {
    if n > 3 {
        return Ok(0);
    }
    let doubled = async { io::Result::Ok(n * 2) }.await?;
    Ok(doubled)
}

#[resilient(retry)]
async fn only_question_marks(text: String) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    let n: u32 = text.parse()?;
    Ok(n)
}

#[resilient(name = "given", breaker = "functions")]
async fn r#match(r#type: u32) -> io::Result<u32> {
    fn nested() -> u32 {
        1
    }
    Ok(r#type + nested())
}

#[resilient(breaker(name = "functions"), retry(base = "1ms"), deadline = "5s")]
fn blocking(order: Order, items: &mut Vec<u32>, mut by: u32) -> io::Result<u32> {
    by += 1;
    items.push(consume(order) + by);
    if by > 100 {
        return Err(io::Error::other("too many"));
    }
    Ok(items.len().try_into().unwrap_or(u32::MAX))
}

#[resilient]
fn blocking_once(order: NoClone, f: impl FnOnce(NoClone) -> u32) -> io::Result<u32> {
    Ok(f(order))
}

#[resilient(breaker = "functions")]
fn blocking_borrows<'a>(items: &'a mut Vec<u32>, _text: &str) -> io::Result<&'a mut u32> {
    items.push(7);
    items.last_mut().ok_or_else(|| io::Error::other("empty"))
}

#[resilient(retry)]
fn blocking_opaque(upto: u32) -> io::Result<impl Iterator<Item = u32>> {
    Ok(0..upto)
}

#[tokio::main]
async fn main() {
    let spawned = tokio::spawn(async {
        assert_eq!(bare().await.unwrap(), 1);
        assert_eq!(charge(&Client, Order("2".into())).await.unwrap(), 50);
        assert_eq!(shared(&Client, NoClone(Order("333".into()))).await.unwrap(), 3);
        assert_eq!(owned_once(&Client, NoClone(Order("333".into()))).await.unwrap().0.0, "333");
        let mut into = Vec::new();
        sinks(&mut into, 1, (2, 3), 0).await.unwrap();
        assert_eq!(into, [2, 5]);
        let mut pair = (1, vec![]);
        let left = (1, "a".into());
        let lengths = reference_patterns(&left, &mut pair, [7, 8], Order("bc".into()));
        assert_eq!((lengths.await.unwrap(), pair), (3, (2, vec![7])));
        assert_eq!(generic([1, 2, 3]).await.unwrap(), "123");
        assert_eq!(opaque_argument("four").await.unwrap(), 4);
        assert_eq!(called_once(|| 5).await.unwrap(), 5);
        assert_eq!(opaque_result(5).await.unwrap().count(), 3);
        assert_eq!(borrows("a b").await.unwrap(), "a");
        assert_eq!(borrows_named("", "ab").await.unwrap(), "b");
        *borrows_mutably(&mut into).await.unwrap() += 1;
        assert_eq!(into, [2, 5, 8]);
        unused_arguments(NoClone(Order(String::new())), &mut 0).await.unwrap();
        assert_eq!(returns_early(2).await.unwrap(), 4);
        assert_eq!(calls_itself(4).await.unwrap(), 24);
        assert_eq!(borrows_apart(&[1, 2, 3], "ab", &0).await.unwrap(), [&1, &2]);
        assert_eq!(only_question_marks("8".into()).await.unwrap(), 8);
        assert_eq!(r#match(1).await.unwrap(), 2);
    });
    spawned.await.unwrap();
    assert_eq!(called_by(length).await.unwrap(), 3);
    drop(always_panics(Order(String::new())));
    let _: fn() -> io::Result<u32> = never_returns;
    let mut items = vec![0];
    assert_eq!(blocking(Order("1".into()), &mut items, 2).unwrap(), 2);
    assert_eq!(blocking_once(NoClone(Order("1".into())), |order| consume(order.0)).unwrap(), 49);
    *blocking_borrows(&mut items, "").unwrap() += 1;
    assert_eq!(items, [0, 52, 8]);
    assert_eq!(blocking_opaque(3).unwrap().count(), 3);
    assert!(steadfast::sites().any(|site| site.name() == "given"));
    assert!(steadfast::sites().any(|site| site.name().ends_with("::functions::charge") || site.name().ends_with("::charge")));
}
