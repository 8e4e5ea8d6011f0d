//! Reloading the configuration.

use ::axum::Json;
use ::axum::extract::State;
use ::axum::http::StatusCode;
use ::axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Shared;
use super::answer::{done, refused};

pub(super) async fn reload(State(desk): State<Shared>) -> Response {
    let Some(running) = desk.registry.running() else {
        let error = "there is nothing to reload: no `setup()` has been started for this registry";
        return refused(StatusCode::CONFLICT, error);
    };
    // Files are read, which may take its time.
    let reloaded = tokio::task::spawn_blocking(move || {
        let reloaded = running.reload();
        (reloaded, running.status())
    });
    match reloaded.await {
        Ok((Ok(()), status)) => done(
            "config",
            json!({
                "loaded": status.loaded,
                "failed": status.failed,
                "warnings": status.warnings,
            }),
        ),
        Ok((Err(error), _)) => {
            let faults: Vec<_> = error.faults().collect();
            let answer = json!({ "success": false, "error": error.to_string(), "faults": faults });
            (StatusCode::UNPROCESSABLE_ENTITY, Json(answer)).into_response()
        }
        Err(_) => refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the reload panicked; what was in force still is",
        ),
    }
}
