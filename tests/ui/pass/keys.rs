//! Keys of rate limits and breakers: expressions over the arguments, in every kind of function.
#![deny(warnings)]

use std::hash::Hash;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use steadfast::resilient;

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Tenant(String);

#[derive(Clone)]
struct Order {
    tenant: Tenant,
    /// Not `Hash`, and no part of any key.
    price: f64,
}

#[resilient(rate_limit(max = 10, key = user))]
async fn borrowed(user: &str) -> io::Result<usize> {
    tokio::task::yield_now().await;
    Ok(user.len())
}

#[resilient(rate_limit(max = 10, key = (tenant, route)), breaker(key = tenant))]
async fn tuple(tenant: &Tenant, route: &str) -> io::Result<usize> {
    tokio::task::yield_now().await;
    Ok(tenant.0.len() + route.len())
}

// An owned argument that a part of the key is taken from is whole when the body begins.
#[resilient(rate_limit(max = 10, key = (order.tenant, *region)), retry(max = 2))]
async fn owned(order: Order, region: &u8) -> io::Result<(Tenant, f64)> {
    tokio::task::yield_now().await;
    Ok((order.tenant, order.price * f64::from(*region)))
}

// Without retry there is no clone: nothing but `Hash` is asked for.
#[derive(Hash)]
struct NoClone(u32);

#[resilient(rate_limit(max = 10, key = ticket), breaker(name = "keys.once", key = (ticket)))]
async fn owned_once(ticket: NoClone) -> io::Result<NoClone> {
    tokio::task::yield_now().await;
    Ok(ticket)
}

#[resilient(rate_limit(max = 10, key = ticket), retry(share(ticket)))]
async fn shared(ticket: NoClone) -> io::Result<u32> {
    tokio::task::yield_now().await;
    Ok(ticket.0)
}

#[resilient(breaker(name = "keys.generic", key = (key.clone(), 7)), retry)]
async fn generic<K: Hash + Clone + Send + Sync>(key: K) -> io::Result<K> {
    tokio::task::yield_now().await;
    Ok(key)
}

#[resilient(rate_limit(max = 10, key = (first, rest.len())), retry)]
async fn patterns((first, rest): (u32, &[u32]), Order { price, .. }: Order) -> io::Result<f64> {
    tokio::task::yield_now().await;
    Ok(f64::from(first) + f64::from(rest[0]) + price)
}

#[resilient(
    rate_limit(max = 10, key = (many, left)),
    breaker(name = "keys.patterns", key = right),
    retry
)]
async fn more_patterns(
    Order { tenant: Tenant(mut many), .. }: Order,
    &(left, ref right): &(u32, String),
    _: NoClone,
) -> io::Result<String> {
    tokio::task::yield_now().await;
    many.push_str(right);
    Ok(format!("{many}{left}"))
}

#[resilient(rate_limit(max = 10, key = first), fallback = sum)]
fn blocking_pattern((first, second): (u32, u32)) -> io::Result<u32> {
    Err(io::Error::other(format!("{first} and {second}")))
}

fn sum((first, second): (u32, u32), _: io::Error) -> io::Result<u32> {
    Ok(first + second)
}

#[resilient(rate_limit(max = 10, key = { let id = items.len() % 3; id }), retry)]
async fn mutable(items: &mut Vec<u32>, mut by: u32) -> io::Result<u32> {
    tokio::task::yield_now().await;
    by += 1;
    items.push(by);
    Ok(by)
}

#[resilient(
    rate_limit(max = 10, key = (user.0, "blocking")),
    breaker(name = "keys.blocking", key = user),
    retry
)]
fn blocking(user: Tenant) -> io::Result<usize> {
    Ok(user.0.len())
}

#[resilient(rate_limit(max = 10, key = user), fallback = answer)]
async fn with_fallback(user: String) -> io::Result<usize> {
    tokio::task::yield_now().await;
    Err(io::Error::other(user))
}

async fn answer(user: String, _: io::Error) -> io::Result<usize> {
    Ok(user.len())
}

// Whatever binds less than a borrow does.
#[resilient(rate_limit(max = 10, key = id % 16), breaker(key = (id as u8, !id & 1, -1)))]
async fn computed(id: u32) -> io::Result<u32> {
    tokio::task::yield_now().await;
    Ok(id)
}

// A key without text is fine where the breaker has to name it.
#[derive(Clone, Copy, Hash)]
struct Silent(u8);

#[resilient(breaker(name = "keys.silent", key = host))]
async fn silent(host: Silent) -> io::Result<u8> {
    tokio::task::yield_now().await;
    Ok(host.0)
}

struct Service {
    tenant: Tenant,
    calls: u32,
}

impl Service {
    #[resilient(rate_limit(max = 10, key = self.tenant), retry)]
    async fn by_reference(&self, n: u32) -> io::Result<u32> {
        tokio::task::yield_now().await;
        Ok(self.calls + n)
    }

    #[resilient(
        rate_limit(max = 10, key = (self.tenant, n)),
        breaker(name = "keys.methods", key = self.tenant),
        retry
    )]
    async fn by_mutable_reference(&mut self, n: u32) -> io::Result<u32> {
        tokio::task::yield_now().await;
        self.calls += n;
        Ok(self.calls)
    }

    #[resilient(rate_limit(max = 10, key = self.tenant))]
    async fn by_value(self) -> io::Result<Tenant> {
        tokio::task::yield_now().await;
        Ok(self.tenant)
    }

    #[resilient(rate_limit(max = 10, key = (self.tenant, self.calls)), retry)]
    async fn by_arc(self: Arc<Self>) -> io::Result<u32> {
        tokio::task::yield_now().await;
        Ok(self.calls)
    }

    #[resilient(rate_limit(max = 10, key = self.id()), bulkhead(max = 3))]
    fn blocking(&self) -> io::Result<usize> {
        Ok(self.id())
    }

    fn id(&self) -> usize {
        self.tenant.0.len()
    }
}

#[async_trait]
trait Boxed {
    async fn ask(&self, user: &str, n: u32) -> io::Result<u32>;
}

#[async_trait]
impl Boxed for Service {
    #[resilient(
        rate_limit(max = 10, key = (self.tenant, user)),
        breaker(name = "keys.traits", key = user),
        retry
    )]
    async fn ask(&self, user: &str, n: u32) -> io::Result<u32> {
        tokio::task::yield_now().await;
        Ok(n + u32::try_from(user.len()).unwrap_or(0))
    }
}

trait Native {
    fn later(&self, user: String) -> impl Future<Output = io::Result<usize>> + Send;
}

impl Native for Service {
    #[resilient(rate_limit(max = 10, key = (self.tenant, user)), retry)]
    async fn later(&self, user: String) -> io::Result<usize> {
        tokio::task::yield_now().await;
        Ok(user.len())
    }
}

macro_rules! by_key {
    ($name:ident, $argument:ident, $key:expr) => {
        #[resilient(rate_limit(max = 10, key = $key))]
        async fn $name($argument: u32) -> io::Result<u32> {
            Ok($argument)
        }
    };
}

by_key!(in_a_macro, id, id % 8);

fn tenant() -> Tenant {
    Tenant("acme".into())
}

#[tokio::main]
async fn main() {
    let spawned = tokio::spawn(async {
        assert_eq!(borrowed("ann").await.unwrap(), 3);
        assert_eq!(tuple(&tenant(), "/pay").await.unwrap(), 8);
        let order = Order { tenant: tenant(), price: 2.0 };
        assert_eq!(owned(order.clone(), &2).await.unwrap(), (tenant(), 4.0));
        assert_eq!(owned_once(NoClone(7)).await.unwrap().0, 7);
        assert_eq!(shared(NoClone(7)).await.unwrap(), 7);
        assert_eq!(generic("text").await.unwrap(), "text");
        assert_eq!(patterns((1, &[2]), order).await.unwrap(), 5.0);
        let pair = (7, "right".to_owned());
        let order = Order { tenant: tenant(), price: 2.0 };
        assert_eq!(more_patterns(order, &pair, NoClone(1)).await.unwrap(), "acmeright7");
        assert_eq!(blocking_pattern((1, 2)).unwrap(), 3);
        assert_eq!(mutable(&mut vec![1], 2).await.unwrap(), 3);
        assert_eq!(blocking(tenant()).unwrap(), 4);
        assert_eq!(with_fallback("ann".into()).await.unwrap(), 3);
        assert_eq!(silent(Silent(3)).await.unwrap(), 3);
        assert_eq!(computed(17).await.unwrap(), 17);
        assert_eq!(in_a_macro(9).await.unwrap(), 9);

        let mut service = Service { tenant: tenant(), calls: 1 };
        assert_eq!(service.by_reference(1).await.unwrap(), 2);
        assert_eq!(service.by_mutable_reference(1).await.unwrap(), 2);
        assert_eq!(service.ask("ann", 1).await.unwrap(), 4);
        assert_eq!(service.later("ann".into()).await.unwrap(), 3);
        assert_eq!(service.blocking().unwrap(), 4);
        assert_eq!(service.by_value().await.unwrap(), tenant());
        let service = Service { tenant: tenant(), calls: 5 };
        assert_eq!(Arc::new(service).by_arc().await.unwrap(), 5);
    });
    spawned.await.unwrap();
}
