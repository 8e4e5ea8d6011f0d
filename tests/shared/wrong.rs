//! What is wrong with what is said of Redis: one clear report each, and no password in any.

use steadfast_tests::redis::{Authority, Folder, Server};

use super::{registry, start, start_in};

#[tokio::test]
async fn what_is_shared_needs_a_redis() {
    let error = start(|setup| setup).await.err().unwrap().to_string();
    let told = "the breaker \"fleet.es\" is shared, but no Redis is configured; add \
                `.redis(\"redis://…\")` to the setup, [redis] with a `url` to the file, or the variable \
                STEADFAST_REDIS_URL";
    assert!(error.contains(told), "{error}");
    assert!(error.contains("tests/shared/mod.rs:"), "{error}");
}

#[tokio::test]
async fn without_a_setup_it_is_local_and_says_so() {
    let registry = registry(&[]);
    let status = registry.breaker("fleet.es").status();
    assert!(status.degraded);
    assert_eq!(status.scope, steadfast::options::Scope::Shared);
    assert_eq!(registry.redis_status(), None);
}

#[tokio::test]
async fn each_wrong_address_gives_one_clear_report() {
    for (url, report) in [
        (
            "",
            "\"***\" is no address of Redis; write one that begins with redis://, rediss:// or unix://",
        ),
        (
            "localhost:6379",
            "\"***\" is no address of Redis; write one that begins with redis://, rediss:// or unix://",
        ),
        (
            "http://me:secret@host",
            "\"http://***@host\" is no address of Redis; write one that begins with redis://, rediss:// or unix://",
        ),
        (
            "redis://:secret@host:port",
            "\"redis://***@host:port\" is no address of Redis",
        ),
        (
            "redis://:secret@host/zero",
            "\"redis://***@host/zero\" is no address of Redis",
        ),
    ] {
        let error = start(|setup| setup.redis(url)).await.err().expect(url);
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(report) || error.to_string().contains(report),
            "{url}: {text}"
        );
        assert!(!text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn each_wrong_prefix_gives_one_clear_report() {
    for (prefix, report) in [
        (
            "{shop}",
            "\"{shop}\" is no key prefix, since it has '{' in it",
        ),
        (
            "my shop",
            "\"my shop\" is no key prefix, since it has ' ' in it",
        ),
        ("", "a key prefix has 1 to 64 characters; this one has 0"),
    ] {
        let wrong = start(|setup| setup.redis("redis://127.0.0.1").key_prefix(prefix)).await;
        let error = wrong.err().expect(prefix).to_string();
        assert!(error.starts_with(report), "{error}");
    }
}

#[tokio::test]
async fn each_wrong_table_gives_one_clear_report_at_its_place() {
    for (text, report) in [
        (
            "[redis]\nurll = \"redis://h\"",
            "a.toml:2:1: unknown option \"urll\"; did you mean \"url\"?",
        ),
        (
            "[redis]\nurl = \"redis:/:secret@h\"",
            "a.toml:2:7: `redis.url`: \"***\" is no address of Redis",
        ),
        (
            "[redis]\nurl = 5",
            "a.toml:2:7: `redis.url`: it is no text; write it in quotes",
        ),
        (
            "[redis]\nurls = []",
            "a.toml:2:8: `redis.urls`: the list is empty; write one address or more",
        ),
        (
            "[redis]\nkind = \"sentinels\"",
            "a.toml:2:8: `redis.kind`: unknown kind \"sentinels\"; did you mean \"sentinel\"?",
        ),
        (
            "[redis]\nkey_prefix = \"a b\"",
            "a.toml:2:14: `redis.key_prefix`: \"a b\" is no key prefix",
        ),
        (
            "[redis]\nexpected_instances = 0",
            "a.toml:2:22: `redis.expected_instances`: 0 is no count of 1 or more",
        ),
        (
            "[redis]\npassword = 5",
            "a.toml:2:12: `redis.password`: it is no text",
        ),
        (
            "[redis]\nurls = [\"redis://a\", \"redis://b\"]",
            "redis: several addresses need a kind; write kind = \"sentinel\" or kind = \"cluster\"",
        ),
        (
            "[redis]\nurl = \"redis://a\"\nkind = \"sentinel\"",
            "redis: sentinels know servers by the name of their master; write master = \"…\"",
        ),
        (
            "[redis]\nurl = \"rediss://a\"\nca_file = \"none.pem\"",
            "redis: the CA file",
        ),
        (
            "[redis]\nurl = \"rediss://a\"\nca_file = \"a.toml\"",
            "is no PEM file",
        ),
        (
            "[redis]\nurl = \"redis://a\"\nclient_cert = \"a.toml\"",
            "redis: a client certificate needs its key; add client_key",
        ),
    ] {
        let folder = Folder::new().unwrap();
        let path = folder.write("a.toml", text).unwrap();
        let wrong = start_in(registry(&[]), |setup| setup.config_file(&path)).await;
        let error = wrong.err().expect(text).to_string();
        let told = error.replace(&format!("{}/", folder.path().display()), "");
        assert!(told.contains(report), "{text}: {told}");
        assert!(!told.contains("secret"), "{told}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_an_error_and_so_is_a_certificate_of_another_authority() {
    let server = Server::options().password("right").start();
    let url = format!("redis://:wrong@127.0.0.1:{}", server.port());
    let error = start(|setup| setup.redis(&url)).await.err().unwrap();
    let text = format!("{error} {error:?}");
    assert!(text.contains("WRONGPASS"), "{text}");
    assert!(!text.contains(":wrong"), "{text}");
    let none = format!("redis://127.0.0.1:{}", server.port());
    let error = start(|setup| setup.redis(&none)).await.err().unwrap();
    assert!(error.to_string().contains("NOAUTH"), "{error}");

    let (authority, other) = (Authority::new(), Authority::new());
    let server = Server::options().tls(&authority).start();
    let wrong = start(|setup| setup.redis(server.url()).redis_ca_file(other.ca_file())).await;
    let wrong = wrong.map(|one| one.registry.redis_status());
    let error = wrong.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
}
