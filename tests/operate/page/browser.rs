//! A real browser, driven by `WebDriver`.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use steadfast_tests::redis::{Process, free_port};

use crate::operate::tools::tool;

/// What the page is seen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    Desk,
    Dark,
    Phone,
}

impl Screen {
    fn options(self) -> Value {
        let mut args = vec![
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1280,900",
            "--no-proxy-server",
            "--hide-scrollbars",
        ];
        if self == Self::Dark {
            args.push("--blink-settings=preferredColorScheme=0");
        }
        let mut options = json!({ "args": args });
        if self == Self::Phone {
            let metrics = json!({ "width": 360, "height": 740, "pixelRatio": 3.0, "touch": true, "mobile": true });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        options
    }
}

/// A driver with its browser, both ended with the test, however that ends.
pub(super) struct Browser {
    _driver: Process,
    address: SocketAddr,
    pub(super) client: Client,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browsers when it is told to go; killed, it would leave them behind.
        let _ = self.shut_down();
    }
}

impl Browser {
    /// None where there is none.
    pub(super) async fn start(screen: Screen) -> Option<Self> {
        let path = tool("chromedriver")?;
        let capabilities =
            json!({ "browserName": "chrome", "goog:chromeOptions": screen.options() });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("it is an object");
        };
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            // Who else starts meanwhile may take the port that was free a moment ago: then it ends.
            let port = free_port();
            let mut command = Process::of(&path);
            command
                .arg(format!("--port={port}"))
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut driver = Process::start(command).unwrap();
            let url = format!("http://127.0.0.1:{port}");
            while driver.ended().is_none() {
                let mut builder = ClientBuilder::new(HttpConnector::new());
                match builder
                    .capabilities(capabilities.clone())
                    .connect(&url)
                    .await
                {
                    Ok(client) => {
                        return Some(Self {
                            _driver: driver,
                            address: (Ipv4Addr::LOCALHOST, port).into(),
                            client,
                        });
                    }
                    Err(error) if Instant::now() > end => panic!("no session: {error}"),
                    Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
                }
            }
            assert!(Instant::now() < end, "the driver ends again and again");
        }
    }

    fn shut_down(&self) -> std::io::Result<()> {
        let patience = Duration::from_secs(10);
        let mut stream = TcpStream::connect_timeout(&self.address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        let request = format!("GET /shutdown HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes())?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }

    /// The text of an element, once it satisfies `is`.
    pub(super) async fn text(&self, css: &str, is: impl Fn(&str) -> bool) -> String {
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

    pub(super) async fn click(&self, css: &str) {
        let found = self.client.wait().for_element(Locator::Css(css)).await;
        found.unwrap().click().await.unwrap();
    }

    pub(super) async fn js(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// Presses a key on whatever has the focus.
    pub(super) async fn press(&self, key: &str) {
        let focused = self.client.active_element().await.unwrap();
        focused.send_keys(key).await.unwrap();
    }

    /// Presses a button of a circuit, and says yes.
    pub(super) async fn steer(&self, circuit: &str, action: &str) {
        self.click(&format!("[data-name='{circuit}'] [data-action='{action}']"))
            .await;
        self.click("#ask-yes").await;
    }
}
