//! What an open circuit does to `/health`.

use axum::body::Body;
use axum::http::Request;
use steadfast::{registry, resilient};
use tower::ServiceExt as _;

use super::behaviour;

behaviour!(
    breaker_health_says_what_an_open_circuit_does_to_health,
    "breaker.health",
    async {
        #[resilient(breaker(name = "options.degrades"))]
        fn degrades() -> std::io::Result<()> {
            Ok(())
        }

        #[resilient(breaker(name = "options.ignored", health = "ignore"))]
        fn ignored() -> std::io::Result<()> {
            Ok(())
        }

        let health = async || {
            let request = Request::get("/health").body(Body::empty()).unwrap();
            let response = steadfast::admin().router().oneshot(request).await.unwrap();
            response.status().as_u16()
        };
        assert!(degrades().is_ok() && ignored().is_ok());
        assert_eq!(health().await, 200);
        registry().breaker("options.ignored").force_open();
        assert_eq!(health().await, 200);
        registry().breaker("options.degrades").force_open();
        assert_eq!(health().await, 503);
    }
);
