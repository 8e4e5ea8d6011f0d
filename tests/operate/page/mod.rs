//! The live page, in a real browser.

mod browser;

use std::time::Instant;

use fantoccini::Locator;
use serde_json::json;
use steadfast::{State, registry, resilient};
use steadfast_tests::{apart, secs};

use super::served::{Served, TOKEN};
use browser::{Browser, Screen};

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

const STATE: &str = "[data-name='page.stripe'] .state";

/// Keys, as `WebDriver` writes them.
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";

#[tokio::test]
async fn the_page_shows_an_outage_as_it_happens_and_whoever_has_the_token_ends_it() {
    apart(async {
        registry().know_only("page.");
        let Some(browser) = Browser::start(Screen::Desk).await else { return };
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
        browser.steer("page.stripe", "reset").await;
        browser.text("#said", |text| text.contains("bearer token")).await;
        assert_eq!(registry().breaker("page.stripe").state(), State::Open);
        let field = browser.client.find(Locator::Id("token")).await.unwrap();
        field.send_keys(TOKEN).await.unwrap();
        browser.steer("page.stripe", "reset").await;
        browser.text(STATE, |text| text == "closed").await;
        assert_eq!(registry().breaker("page.stripe").state(), State::Closed);
        browser.steer("page.stripe", "force-open").await;
        browser.text(STATE, |text| text == "forced open").await;
        browser.steer("page.stripe", "release").await;
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
        let Some(browser) = Browser::start(Screen::Phone).await else { return };
        let served = Served::with_token().await;
        browser.client.goto(&served.url("")).await.unwrap();
        browser.text(STATE, |text| text == "closed").await;
        assert_eq!(browser.js("return innerWidth").await, json!(360));
        let wide = browser.js("return document.documentElement.scrollWidth > document.documentElement.clientWidth").await;
        assert_eq!(wide, json!(false), "nothing is wider than the screen");

        // Every control names itself, and Tab reaches all of them, one after another.
        let controls = "[...document.querySelectorAll('button, input, a, summary')].filter(it => it.checkVisibility())";
        let nameless = "it => !(it.textContent.trim() || it.getAttribute('aria-label'))";
        let nameless = format!("return {controls}.filter({nameless}).length");
        assert_eq!(browser.js(&nameless).await, json!(0));
        browser.js("document.activeElement.blur()").await;
        let all = browser.js(&format!("window.met = new Set(); return {controls}.length")).await;
        let all = all.as_u64().unwrap();
        for _ in 0..all + 4 {
            browser.press(TAB).await;
            browser.js("window.met.add(document.activeElement)").await;
        }
        let met = browser.js(&format!("return {controls}.filter(it => window.met.has(it)).length")).await;
        assert_eq!(met, json!(all));

        // Enter on a button asks; Escape does nothing, and neither does Enter, which is on Cancel.
        let button = "document.querySelector(\"[data-name='page.stripe'] [data-action='force-open']\")";
        browser.js(&format!("document.getElementById('token').value = '{TOKEN}'")).await;
        for no in [ESCAPE, ENTER] {
            browser.js(&format!("{button}.focus()")).await;
            browser.press(ENTER).await;
            browser.text("#ask-text", |text| text.contains("page.stripe")).await;
            browser.press(no).await;
            assert_eq!(browser.js("return document.getElementById('ask').open").await, json!(false));
            assert_eq!(registry().breaker("page.stripe").state(), State::Closed);
        }
        // Tab goes from there to Yes.
        browser.js(&format!("{button}.focus()")).await;
        browser.press(ENTER).await;
        browser.press(TAB).await;
        browser.press(ENTER).await;
        browser.text(STATE, |text| text == "forced open").await;
        assert_eq!(registry().breaker("page.stripe").state(), State::ForcedOpen);

        // `/` finds.
        browser.js("document.activeElement.blur()").await;
        browser.press("/").await;
        let find = browser.client.active_element().await.unwrap();
        assert_eq!(find.attr("id").await.unwrap().as_deref(), Some("find"));
        find.send_keys("no such name").await.unwrap();
        assert_eq!(browser.js("return [...document.querySelectorAll('.card')].filter(it => !it.hidden).length").await, json!(0));
        let _ = browser.client.clone().close().await;
    })
    .await;
}

/// Texts whose colour stands out from what is behind it by less than 4.5 to 1, as WCAG AA has it.
const FAINT: &str = r"
    const colour = (text) => text.match(/[\d.]+/g).map(Number);
    const light = (c) => c.slice(0, 3).map((v) => v / 255)
        .map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
    const behind = (node) => {
        for (let at = node; at; at = at.parentElement) {
            const c = colour(getComputedStyle(at).backgroundColor);
            if (c.length < 4 || c[3] === 1) return c;
        }
        return [255, 255, 255];
    };
    const faint = [];
    for (const node of document.querySelectorAll('body *')) {
        const text = [...node.childNodes].filter((it) => it.nodeType === 3).map((it) => it.data.trim()).join('');
        if (!(text || node.placeholder) || !node.checkVisibility() || node.tagName === 'SCRIPT') continue;
        const style = getComputedStyle(node, node.placeholder ? '::placeholder' : null);
        const [a, b] = [light(colour(style.color)), light(behind(node))];
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (ratio < 4.5) faint.push((text || node.placeholder) + ' ' + ratio.toFixed(2));
    }
    return faint;";

#[tokio::test]
async fn the_page_is_legible_in_light_and_in_dark() {
    apart(async {
        registry().know_only("page.");
        for screen in [Screen::Desk, Screen::Dark] {
            let Some(browser) = Browser::start(screen).await else {
                return;
            };
            let served = Served::with_token().await;
            registry().breaker("page.stripe").reset();
            registry().breaker("page.forced").force_open();
            registry().breaker("page.disabled").disable();
            let _ = send().await;
            browser.client.goto(&served.url("")).await.unwrap();
            browser.text(STATE, |text| text == "closed").await;
            while registry().breaker("page.stripe").state() == State::Closed {
                let _ = charge(Err(Upstream::Broken)).await;
            }
            browser.text(STATE, |text| text == "open").await;
            browser.click("[data-name='page.stripe'] summary").await;
            browser
                .text("[data-name='page.stripe'] .history .error", |text| {
                    !text.is_empty()
                })
                .await;
            let dark = browser
                .js("return matchMedia('(prefers-color-scheme: dark)').matches")
                .await;
            assert_eq!(dark, json!(screen == Screen::Dark));
            // A state's colour takes its time to change.
            let end = Instant::now() + secs(10);
            loop {
                let faint = browser.js(FAINT).await;
                if faint == json!([]) {
                    break;
                }
                assert!(Instant::now() < end, "{screen:?}: {faint}");
            }
            let _ = browser.client.clone().close().await;
        }
    })
    .await;
}
