//! Which class an error is of: `classify = path`, then the type, then the chain, else `Transient`.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use steadfast::{CallErr, Class, Classify, Rejection, classify, resilient};
use steadfast_tests::{apart, site};

/// The class that the only call of this function ended in.
fn class_of(name: &str) -> &'static str {
    let calls = site(name).calls();
    let counts = [
        ("transient", calls.transient),
        ("timeout", calls.timeout),
        ("rate_limited", calls.rate_limited),
        ("permanent", calls.permanent),
        ("expected", calls.expected),
        ("ignored", calls.ignored),
        ("rejected", calls.rejected),
        ("ok", calls.ok),
    ];
    let mut seen = counts.into_iter().filter(|(_, count)| *count > 0);
    let (class, count) = seen.next().expect("the function was called");
    assert_eq!((count, seen.next()), (1, None));
    class
}

/// Says `Expected`, though its source says `Transient`.
#[derive(Debug, thiserror::Error)]
#[error("says what it is")]
struct Says(#[source] io::Error);

impl Classify for Says {
    fn classify(&self) -> Class {
        Class::Expected
    }
}

impl From<Rejection> for Says {
    fn from(rejection: Rejection) -> Self {
        Self(rejection.into())
    }
}

fn says() -> Says {
    Says(ErrorKind::ConnectionReset.into())
}

/// Says nothing, but its source does.
#[derive(Debug, thiserror::Error)]
enum Silent {
    #[error("rejected")]
    Rejected(#[from] Rejection),
    #[error("broken")]
    Broken(#[source] Box<dyn StdError + Send + Sync>),
}

fn silent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Silent {
    Silent::Broken(source.into())
}

const fn permanent<E>(_: &E) -> Class {
    Class::Permanent
}

#[tokio::test(start_paused = true)]
async fn the_calls_own_classify_comes_before_the_types() {
    #[resilient(name = "which.path", classify = permanent)]
    async fn call() -> Result<(), Says> {
        Err(says())
    }

    apart(async {
        call().await.unwrap_err();
        assert_eq!(class_of("which.path"), "permanent");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_types_classify_comes_before_its_sources() {
    #[resilient(name = "which.type")]
    async fn call() -> Result<(), Says> {
        Err(says())
    }

    apart(async {
        call().await.unwrap_err();
        assert_eq!(class_of("which.type"), "expected");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_chain_of_sources_is_looked_into() {
    #[resilient(name = "which.chain")]
    async fn call() -> Result<(), Silent> {
        Err(silent(silent(io::Error::from(ErrorKind::PermissionDenied))))
    }

    apart(async {
        call().await.unwrap_err();
        assert_eq!(class_of("which.chain"), "permanent");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_registered_type_is_found_in_the_chain() {
    #[derive(Debug, thiserror::Error)]
    #[error("declined")]
    struct Declined(#[source] io::Error);

    impl Classify for Declined {
        fn classify(&self) -> Class {
            Class::Ignored
        }
    }

    #[resilient(name = "which.registered")]
    async fn call() -> Result<(), Silent> {
        Err(silent(Declined(ErrorKind::TimedOut.into())))
    }

    apart(async {
        call().await.unwrap_err();
        assert_eq!(class_of("which.registered"), "timeout");
    })
    .await;
    classify::register::<Declined>();
    apart(async {
        call().await.unwrap_err();
        assert_eq!(class_of("which.registered"), "ignored");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_error_of_which_nothing_is_known_is_transient() {
    struct Mute;

    impl From<Rejection> for Mute {
        fn from(_: Rejection) -> Self {
            Self
        }
    }

    #[resilient(name = "which.mute")]
    async fn mute() -> Result<(), Mute> {
        Err(Mute)
    }

    #[resilient(name = "which.unknown")]
    async fn unknown() -> Result<(), Silent> {
        Err(silent("no idea"))
    }

    apart(async {
        assert!(mute().await.is_err() && unknown().await.is_err());
        assert_eq!(class_of("which.mute"), "transient");
        assert_eq!(class_of("which.unknown"), "transient");
    })
    .await;
}

// `anyhow` and boxed errors are looked into.
#[tokio::test(start_paused = true)]
async fn anyhow_is_looked_into() {
    #[resilient(name = "which.anyhow")]
    async fn call() -> anyhow::Result<()> {
        let found: io::Result<()> = Err(ErrorKind::NotFound.into());
        anyhow::Context::context(found, "while looking")
    }

    apart(async {
        call().await.unwrap_err();
        assert_eq!(class_of("which.anyhow"), "expected");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn eyre_is_looked_into() {
    #[resilient(name = "which.eyre")]
    async fn call() -> eyre::Result<()> {
        let found: io::Result<()> = Err(ErrorKind::NotFound.into());
        eyre::WrapErr::wrap_err(found, "while looking")
    }

    apart(async {
        assert!(call().await.is_err());
        assert_eq!(class_of("which.eyre"), "expected");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn boxed_errors_are_looked_into() {
    #[resilient(name = "which.box")]
    async fn shared() -> Result<(), Box<dyn StdError + Send + Sync>> {
        Err(Box::new(silent(io::Error::from(ErrorKind::NotFound))))
    }

    #[resilient(name = "which.box.local")]
    async fn local() -> Result<(), Box<dyn StdError>> {
        Err(Box::new(silent(io::Error::from(ErrorKind::NotFound))))
    }

    apart(async {
        shared().await.unwrap_err();
        assert_eq!(class_of("which.box"), "expected");
        local().await.unwrap_err();
        assert_eq!(class_of("which.box.local"), "expected");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn our_error_says_what_its_source_says() {
    #[resilient(name = "which.ours")]
    async fn typed() -> Result<(), steadfast::Error<Says>> {
        Err(says())?
    }

    #[resilient(name = "which.ours.chain")]
    async fn chained() -> Result<(), steadfast::Error<Silent>> {
        Err(silent(io::Error::from(ErrorKind::NotFound))).call_err()
    }

    #[resilient(name = "which.ours.anyhow")]
    async fn boxed() -> Result<(), steadfast::Error<anyhow::Error>> {
        Err(anyhow::Error::new(says_not_found())).call_err()
    }

    fn says_not_found() -> io::Error {
        ErrorKind::NotFound.into()
    }

    apart(async {
        typed().await.unwrap_err();
        assert_eq!(class_of("which.ours"), "expected");
        chained().await.unwrap_err();
        assert_eq!(class_of("which.ours.chain"), "expected");
        assert!(boxed().await.is_err());
        assert_eq!(class_of("which.ours.anyhow"), "expected");
    })
    .await;
}

// A generic function needs `E: Classify` or `classify = …`.
#[tokio::test(start_paused = true)]
async fn a_generic_function_classifies_by_its_bound_or_its_path() {
    #[resilient(name = "which.bound")]
    async fn bound<E: Classify + From<Rejection>>(error: E) -> Result<(), E> {
        Err(error)
    }

    #[resilient(name = "which.generic.path", classify = permanent)]
    async fn path<E: From<Rejection>>(error: E) -> Result<(), E> {
        Err(error)
    }

    apart(async {
        bound(says()).await.unwrap_err();
        assert_eq!(class_of("which.bound"), "expected");
        path(says()).await.unwrap_err();
        assert_eq!(class_of("which.generic.path"), "permanent");
    })
    .await;
}

impl From<Rejection> for Box<Says> {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection.into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_boxed_classify_says_what_is_in_the_box() {
    #[resilient(name = "which.boxed")]
    async fn call() -> Result<(), Box<Says>> {
        Err(Box::new(says()))
    }

    apart(async {
        call().await.unwrap_err();
        assert_eq!(class_of("which.boxed"), "expected");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_sync_function_classifies_the_same_way() {
    #[resilient(name = "which.sync")]
    fn call() -> anyhow::Result<()> {
        Err(io::Error::from(ErrorKind::InvalidInput))?
    }

    apart(async {
        call().unwrap_err();
        assert_eq!(class_of("which.sync"), "permanent");
    })
    .await;
}
