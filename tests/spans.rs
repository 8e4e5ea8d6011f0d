//! A span for each call, with its attempts, for whoever wants them.

use steadfast::{registry, resilient};
use steadfast_tests::{Dependency, Failure, SpanSeen, apart, listen_for_spans, ms, spans_around};

#[resilient(
    name = "spans.call",
    breaker(name = "spans", failures = 50),
    retry(max = 3, base = "1s", jitter = "none"),
    timeout = "5s"
)]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    assert_eq!(spans_around(), 1, "the body runs inside its span");
    let result = dependency.ask().await;
    assert_eq!(spans_around(), 1, "and so does all of it");
    result
}

async fn spans(test: impl Future<Output = ()>) -> Vec<SpanSeen> {
    let ((), spans) = listen_for_spans(apart(test)).await;
    assert_eq!(spans_around(), 0);
    for span in &spans {
        assert!(span.closed && span.entered.0 == span.entered.1, "{span:?}");
    }
    spans
}

fn attempts(span: &SpanSeen) -> Vec<[&str; 3]> {
    let fields = ["steadfast.attempt", "steadfast.result", "exception.message"];
    let attempts = span
        .events
        .iter()
        .filter(|event| event.message == "attempt");
    attempts
        .map(|event| fields.map(|field| event.field(field)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_is_a_span_and_its_attempts_are_events_in_it() {
    let spans = spans(async {
        guarded(&Dependency::playing("FTS").taking(ms(10)))
            .await
            .unwrap();
    })
    .await;
    let [span] = &*spans else {
        panic!("{spans:#?}")
    };
    let told = [
        "otel.name",
        "otel.kind",
        "steadfast.attempts",
        "steadfast.result",
        "otel.status_code",
        "error.type",
    ];
    assert_eq!(
        told.map(|field| span.field(field)),
        ["spans.call", "\"client\"", "3", "\"ok\"", "\"OK\"", ""]
    );
    assert_eq!(
        attempts(span),
        [
            ["1", "\"transient\"", "a transient failure"],
            ["2", "\"timeout\"", "a timeout failure"],
            ["3", "\"ok\"", ""],
        ]
    );
    assert_eq!(span.entered.0, 6, "once for each poll of each body");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_is_cut_or_refused_is_an_error_of_its_class() {
    let spans = spans(async {
        let _ = guarded(&Dependency::playing("P")).await;
        let _ = guarded(&Dependency::playing("HHH")).await;
        registry().breaker("spans").force_open();
        let _ = guarded(&Dependency::playing("")).await;
        registry().breaker("spans").release();
        let _ = guarded(&Dependency::playing("E")).await;
    })
    .await;
    let told: Vec<_> = spans
        .iter()
        .map(|span| {
            ["otel.status_code", "error.type", "steadfast.result"]
                .map(|it| span.field(it).trim_matches('"'))
        })
        .collect();
    assert_eq!(
        told,
        [
            ["ERROR", "permanent", "permanent"],
            ["ERROR", "timeout", "timeout"],
            ["ERROR", "rejected", "rejected"],
            ["OK", "", "expected"],
        ]
    );
    assert_eq!(attempts(&spans[1]).len(), 3);
    assert_eq!(attempts(&spans[2])[0][2], "circuit spans is open");
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_breaker_says_how_it_ended_too() {
    #[resilient(name = "spans.timed", timeout = "5s")]
    async fn timed() -> Result<u32, Failure> {
        Ok(1)
    }

    let spans = spans(async {
        timed().await.unwrap();
    })
    .await;
    let told = ["steadfast.attempts", "steadfast.result", "otel.status_code"];
    assert_eq!(
        told.map(|field| spans[0].field(field)),
        ["1", "\"ok\"", "\"OK\""]
    );
    assert_eq!(attempts(&spans[0]), [["1", "\"ok\"", ""]]);
}

#[tokio::test(start_paused = true)]
async fn a_span_is_left_where_the_body_panics_or_is_dropped() {
    let spans = spans(async {
        let panicking = Dependency::playing("!");
        let task = async { guarded(&panicking).await };
        let caught = futures_catch(task).await;
        assert!(caught.is_err());
        assert_eq!(spans_around(), 0);
        let hanging = Dependency::playing("H");
        let cut = tokio::time::timeout(ms(10), guarded(&hanging)).await;
        assert!(cut.is_err());
    })
    .await;
    assert_eq!(spans.len(), 2);
}

/// What a future gives, or its panic; the future is dropped with it.
async fn futures_catch<T>(future: impl Future<Output = T>) -> std::thread::Result<T> {
    let mut future = Some(Box::pin(future));
    std::future::poll_fn(move |context| {
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            future
                .as_mut()
                .expect("polled to its end")
                .as_mut()
                .poll(context)
        }));
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(panic) => {
                future = None;
                std::task::Poll::Ready(Err(panic))
            }
        }
    })
    .await
}

#[test]
fn a_sync_call_is_a_span_too() {
    #[resilient(name = "spans.sync", retry(max = 2, base = "0s"))]
    fn sync(attempts: &std::cell::Cell<u32>) -> Result<u32, Failure> {
        assert_eq!(spans_around(), 1);
        attempts.set(attempts.get() + 1);
        if attempts.get() < 2 {
            Err(steadfast_tests::TRANSIENT)
        } else {
            Ok(attempts.get())
        }
    }

    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let spans = runtime.block_on(spans(async {
        assert_eq!(sync(&std::cell::Cell::new(0)), Ok(2));
    }));
    assert_eq!(attempts(&spans[0]).len(), 2);
}
