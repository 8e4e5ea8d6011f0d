//! Where Redis is said to be.

use std::fs;

use steadfast_tests::redis::{Authority, Folder, Server, wait_for};
use steadfast_tests::secs;

use super::{Instance, registry, start, start_in};

/// A start with a file of this text, and these variables.
async fn file(text: &str, variables: &[(&str, &str)]) -> Result<Instance, steadfast::SetupError> {
    let folder = Folder::new().unwrap();
    let path = folder.write("a.toml", text).unwrap();
    start_in(registry(variables), |setup| setup.config_file(&path)).await
}

#[tokio::test]
async fn a_file_names_it_and_variables_beat_the_file() {
    let server = Server::options().password("s3cret").start();
    let port = server.port();
    let text = format!("[redis]\nurl = \"redis://127.0.0.1:{port}\"\nkey_prefix = \"shop\"\n");
    let (url, nowhere) = (
        format!("redis://:s3cret@127.0.0.1:{port}"),
        "redis://127.0.0.1:1",
    );
    let by_password = [("STEADFAST_REDIS_PASSWORD", "s3cret")];
    let one = file(&text, &by_password).await.unwrap();
    assert!(one.is_connected(), "{:?}", one.registry.redis_status());
    one.breaker().force_open();
    let shows = || server.command(&["EXISTS", "{shop:cb:fleet.es}:s"]).int() == Some(1);
    assert!(wait_for(secs(10), shows));
    let wrong = format!("[redis]\nurl = \"{nowhere}\"\n");
    let by_url = [("STEADFAST_REDIS_URL", url.as_str())];
    assert!(file(&wrong, &by_url).await.unwrap().is_connected());
}

#[tokio::test]
async fn tls_works_with_a_certificate_authority_of_ones_own_and_client_certificates() {
    let authority = Authority::new();
    let server = Server::options().mutual_tls(&authority).start();
    let identity = authority.identity("client");
    let one = start(|setup| {
        setup
            .redis(server.url())
            .redis_ca_file(authority.ca_file())
            .redis_client_cert(&identity.cert, &identity.key)
    });
    // A handshake may take longer than the first connection has, on a busy machine.
    one.await.unwrap().connects().await;
}

#[tokio::test]
async fn a_unix_socket_and_a_client_of_the_programs_own_serve_too() {
    let server = Server::start();
    assert!(Instance::at(&server.unix_url()).await.is_connected());
    let client = ::redis::Client::open(server.url()).unwrap();
    let one = start(|setup| setup.redis_client(client)).await.unwrap();
    assert!(one.is_connected());
}

#[tokio::test]
async fn a_reload_does_not_move_to_another_redis_and_says_so() {
    let server = Server::start();
    let folder = Folder::new().unwrap();
    let path = folder
        .write("a.toml", &format!("[redis]\nurl = \"{}\"\n", server.url()))
        .unwrap();
    let one = start_in(registry(&[]), |setup| setup.config_file(&path))
        .await
        .unwrap();
    fs::write(&path, "[redis]\nurl = \"redis://127.0.0.1:1\"\n").unwrap();
    one.steadfast.reload().unwrap();
    let warnings = one.steadfast.status().warnings;
    assert_eq!(
        warnings,
        ["`redis` is other than at the start; that takes effect when the program starts anew"]
    );
    assert!(one.is_connected());
}
