//! The live page, in a real browser.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use steadfast::{State, registry, resilient};
use steadfast_tests::apart;

use super::served::{Served, TOKEN};
use super::tools::tool;

const ATTACK: &str = "<img src=x onerror=alert(1)>";

/// An error whose text comes from an upstream, and is an attack.
#[derive(Debug, thiserror::Error)]
enum Upstream {
    #[error(transparent)]
    Rejected(#[from] steadfast::Rejection),
    #[error("502: {ATTACK}")]
    Broken,
}

#[resilient(
    name = "page.charge",
    breaker(name = "page.stripe", failures = 5, recovery = "1h")
)]
async fn charge(result: Result<(), Upstream>) -> Result<(), Upstream> {
    result
}

#[resilient(
    name = "page.send",
    rate_limit(name = "page.limit", max = 10, per = "1h"),
    bulkhead(name = "page.places", max = 4)
)]
async fn send() -> Result<(), Upstream> {
    Ok(())
}

/// A driver with its browser, both ended with the test.
struct Browser {
    driver: Child,
    client: Client,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Browser {
    /// None where there is none.
    async fn start() -> Option<Self> {
        let path = tool("chromedriver")?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let driver = Command::new(path)
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let options = json!({ "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--window-size=1280,900", "--no-proxy-server", "--hide-scrollbars"
        ]});
        let capabilities = json!({ "browserName": "chrome", "goog:chromeOptions": options });
        let serde_json::Value::Object(capabilities) = capabilities else {
            unreachable!("it is an object");
        };
        let url = format!("http://127.0.0.1:{port}");
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            match builder
                .capabilities(capabilities.clone())
                .connect(&url)
                .await
            {
                Ok(client) => return Some(Self { driver, client }),
                Err(error) if Instant::now() > end => panic!("no session: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// The text of an element, once it satisfies `is`.
    async fn text(&self, css: &str, is: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let text = match self.client.find(Locator::Css(css)).await {
                Ok(element) => element.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if is(&text) {
                return text;
            }
            assert!(Instant::now() < end, "{css} stays at {text:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn click(&self, css: &str) {
        let element = self
            .client
            .wait()
            .for_element(Locator::Css(css))
            .await
            .unwrap();
        element.click().await.unwrap();
    }

    async fn js(&self, script: &str) -> serde_json::Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// Presses a button of the circuit, and says yes.
    async fn steer(&self, action: &str) {
        self.click(&format!(
            "[data-name='page.stripe'] [data-action='{action}']"
        ))
        .await;
        self.click("#ask-yes").await;
    }
}

const STATE: &str = "[data-name='page.stripe'] .state";

#[tokio::test]
async fn the_page_shows_an_outage_as_it_happens_and_whoever_has_the_token_ends_it() {
    apart(async {
        registry().know_only("page.");
        let Some(browser) = Browser::start().await else { return };
        let served = Served::with_token().await;
        browser.client.goto(&served.url("")).await.unwrap();
        browser.text(STATE, |text| text == "closed").await;
        browser.js("window.loaded = 1; window.onerror = (text) => { document.title = 'error: ' + text; };").await;

        // Under load, a breaker opens; the page shows it without a reload.
        for _ in 0..20 {
            let _ = charge(Ok(())).await;
            let _ = send().await;
        }
        while registry().breaker("page.stripe").state() == State::Closed {
            let _ = charge(Err(Upstream::Broken)).await;
        }
        let opened = Instant::now();
        browser.text(STATE, |text| text == "open").await;
        println!("the page shows the open circuit after {:?}", opened.elapsed());
        browser.text("[data-name='page.stripe'] .when", |text| text.starts_with("next probe in")).await;
        browser.text("#summary", |text| text.contains("1 open")).await;
        assert_eq!(browser.js("return window.loaded").await, json!(1), "it was not loaded anew");

        // What the upstream said is text.
        browser.click("[data-name='page.stripe'] summary").await;
        browser.text("[data-name='page.stripe'] .history .error", |text| text == format!("502: {ATTACK}")).await;
        browser.text("#events", |text| text.contains(ATTACK)).await;
        assert_eq!(browser.js("return document.images.length").await, json!(0));

        // Refusals show in the figures, use of limits and places in their tables.
        for _ in 0..50 {
            let _ = charge(Ok(())).await;
        }
        browser.text("[data-name='page.stripe'] .figures", |text| text.contains("5 / 5")).await;
        browser.text("#limits", |text| text.contains("page.limit 10 / 10")).await;
        browser.text("#bulkheads", |text| text.contains("page.places 0 / 4")).await;

        // Without the token nothing happens; with it, it does.
        browser.steer("reset").await;
        browser.text("#said", |text| text.contains("bearer token")).await;
        assert_eq!(registry().breaker("page.stripe").state(), State::Open);
        let field = browser.client.find(Locator::Id("token")).await.unwrap();
        field.send_keys(TOKEN).await.unwrap();
        browser.steer("reset").await;
        browser.text(STATE, |text| text == "closed").await;
        assert_eq!(registry().breaker("page.stripe").state(), State::Closed);
        browser.steer("force-open").await;
        browser.text(STATE, |text| text == "forced open").await;
        browser.steer("release").await;
        browser.text(STATE, |text| text == "closed").await;

        let title = browser.client.title().await.unwrap();
        assert_eq!(title, "Steadfast", "no script failed");
        let _ = browser.client.clone().close().await;
    })
    .await;
}

#[tokio::test]
async fn the_page_works_by_keyboard_and_on_a_phone_and_asks_before_it_acts() {
    apart(async {
        registry().know_only("page.");
        let Some(browser) = Browser::start().await else { return };
        let served = Served::with_token().await;
        browser.client.set_window_size(500, 800).await.unwrap();
        browser.client.goto(&served.url("")).await.unwrap();
        browser.text(STATE, |text| text == "closed").await;
        let wide = browser.js("return document.documentElement.scrollWidth > document.documentElement.clientWidth").await;
        assert_eq!(wide, json!(false), "nothing is wider than the screen");

        // Every control is reached by Tab, and names itself.
        let nameless = browser.js(
            "return [...document.querySelectorAll('button, input, a, summary')].filter(it => \
             !(it.textContent.trim() || it.getAttribute('aria-label')) || it.tabIndex < 0).length",
        );
        assert_eq!(nameless.await, json!(0));

        // Enter on a button asks; Escape does nothing.
        let button = "document.querySelector(\"[data-name='page.stripe'] [data-action='force-open']\")";
        browser.js(&format!("document.getElementById('token').value = '{TOKEN}'; {button}.focus(); {button}.click();")).await;
        browser.text("#ask-text", |text| text.contains("page.stripe")).await;
        let focused = browser.client.active_element().await.unwrap();
        focused.send_keys("\u{e00c}").await.unwrap();
        assert_eq!(browser.js("return document.getElementById('ask').open").await, json!(false));
        assert_eq!(registry().breaker("page.stripe").state(), State::Closed);

        // `/` finds.
        let body = browser.client.find(Locator::Css("body")).await.unwrap();
        body.send_keys("/").await.unwrap();
        let find = browser.client.active_element().await.unwrap();
        assert_eq!(find.attr("id").await.unwrap().as_deref(), Some("find"));
        find.send_keys("no such name").await.unwrap();
        assert_eq!(browser.js("return [...document.querySelectorAll('.card')].filter(it => !it.hidden).length").await, json!(0));
        let _ = browser.client.clone().close().await;
    })
    .await;
}
