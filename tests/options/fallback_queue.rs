//! What the options of the fallback that queues do where Redis is out; `outbox` has the rest.

use steadfast::{Registry, Rejection, resilient, setup};
use steadfast_tests::redis::{Folder, free_port};
use steadfast_tests::{Failure, TRANSIENT};

use super::behaviour;

#[resilient(
    name = "queued.plain",
    fallback(kind = "queue", queue = "queued.plain")
)]
async fn plain(order: u64) -> Result<u64, Failure> {
    if order == 0 { Ok(0) } else { Err(TRANSIENT) }
}

#[resilient(
    name = "queued.spooled",
    fallback(kind = "queue", queue = "queued.spooled", spool = "nowhere")
)]
async fn spooled(order: u64) -> Result<u64, Failure> {
    if order == 0 { Ok(0) } else { Err(TRANSIENT) }
}

behaviour!(
    fallback_queue_leaves_the_calls_own_error_where_redis_is_out,
    "fallback.queue",
    async {
        // Without any named, and with one that is not there.
        assert_eq!(plain(1).await, Err(TRANSIENT));
        let registry = Registry::new();
        registry.know_only("queued.");
        let inside = async {
            let url = format!("redis://127.0.0.1:{}", free_port());
            let steadfast = setup().redis(&url).start().await.unwrap();
            assert_eq!(plain(0).await, Ok(0));
            assert_eq!(plain(1).await, Err(TRANSIENT));
            let queues = steadfast::registry().totals().queues;
            assert_eq!(
                (queues[0].0.as_str(), queues[0].1.queued),
                ("queued.plain", 0)
            );
            steadfast.stop().await;
        };
        registry.scope(inside).await;
    }
);

behaviour!(
    fallback_spool_keeps_the_work_on_the_disk_while_redis_is_out,
    "fallback.spool",
    async {
        let folder = Folder::new().unwrap();
        let registry = Registry::new();
        registry.know_only("queued.");
        let variable = "STEADFAST_CALL__QUEUED_SPOOLED__FALLBACK__SPOOL";
        registry.set_variables([(variable, folder.path())]);
        let inside = async {
            let url = format!("redis://127.0.0.1:{}", free_port());
            let steadfast = setup().redis(&url).start().await.unwrap();
            let queued = spooled(7).await.unwrap_err();
            assert!(matches!(
                queued,
                Failure::Rejected(Rejection::Queued { .. })
            ));
            steadfast.stop().await;
        };
        registry.scope(inside).await;
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap();
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(text.contains("\"queued.spooled\",\"0\",\"7\"]"), "{text}");
    }
);
