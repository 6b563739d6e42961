//! The first page: what runs, and lines to paste into a terminal.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::{Method, Request, StatusCode, header};
use tillway::core::Account;
use tillway::core::book::Caller;
use tillway::core::id::OrderId;
use tillway::core::port::{GuestDesk, GuestRef, IdSource, LoyaltyDesk, PaymentDesk};
use tillway::engine::Engine;
use tillway::runtime::RandomIds;
use tillway::transport::RequestBody;

use crate::command::clock::IN_DOUBT;
use crate::config::Config;
use crate::demo;
use crate::http::{Answer, answer};
use crate::metrics::Metrics;
use crate::sim_loymax;
use crate::stand::Stand;

const HTML: &str = "text/html; charset=utf-8";
/// The text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Nothing on the page comes from anywhere else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The page and what it asks when it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    config: Arc<Config>,
    folder: Arc<str>,
    engine: Engine,
    metrics: Metrics,
}

impl Page {
    pub(crate) fn new(config: &Config, stand: &Stand, metrics: Metrics) -> Self {
        Self {
            config: Arc::new(config.clone()),
            folder: stand.folder.path().display().to_string().into(),
            engine: stand.engine.clone(),
            metrics,
        }
    }

    pub(crate) async fn answer(self, request: Request<RequestBody>) -> Answer {
        let get = matches!(*request.method(), Method::GET | Method::HEAD);
        let metrics = request.uri().path() == "/metrics";
        if !metrics && request.uri().path() != "/" {
            return answer(StatusCode::NOT_FOUND, HTML, "<!doctype html><title>404</title>404");
        }
        if !get {
            let mut refused = answer(StatusCode::METHOD_NOT_ALLOWED, HTML, "");
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let body = match *request.method() {
            Method::HEAD => String::new(),
            _ if metrics => self.metrics.text().await,
            _ => self.html().await,
        };
        if metrics {
            return answer(StatusCode::OK, METRICS, Bytes::from(body));
        }
        let mut page = answer(StatusCode::OK, HTML, Bytes::from(body));
        let policy = HeaderValue::from_static(POLICY);
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        page
    }

    async fn html(&self) -> String {
        let ready = self.engine.ready().await.is_ok();
        let mut html = String::from(HEAD);
        html.push_str("<h1>tillway</h1>");
        let what = if self.config.demo { "demo" } else { "venue" };
        let _ = write!(
            html,
            "<p class=lead>The stand runs on {what} data in <code>{}</code>.</p>",
            escaped(&self.folder)
        );
        self.clock(&mut html).await;
        self.running(&mut html, ready);
        if self.config.demo {
            self.guests(&mut html).await;
        }
        self.lines(&mut html).await;
        html.push_str(MORE);
        html
    }

    /// Nothing, unless the clock is in doubt.
    async fn clock(&self, html: &mut String) {
        let state = self.engine.clock_state().await;
        if let Some(state) = state.ok().filter(|state| !state.is_sound()) {
            let (state, text) = (escaped(&state.to_string()), escaped(IN_DOUBT));
            let _ = write!(html, "<p class=bad>Clock: {state}; {text}.</p>");
        }
    }

    fn running(&self, html: &mut String, ready: bool) {
        html.push_str("<h2>What runs</h2><table>");
        let mut row = |what: &str, place: &str, good: bool| {
            let (class, word) = if good { ("good", "runs") } else { ("bad", "does not answer") };
            let _ = write!(
                html,
                "<tr><td>{}</td><td><code>{}</code></td><td class={class}>{word}</td></tr>",
                escaped(what),
                escaped(place)
            );
        };
        row("Store (SQLite)", "tillway.db", ready);
        for till in &self.config.tills {
            let what = format!("{}: Waiter API, payment API pos/v1", till.id);
            row(&what, &format!("http://{}/", till.listen), true);
        }
        if self.config.demo && self.config.polls() {
            row("iikoFront with the front plugin, simulated", "polls the first till", true);
        }
        if let Some(register) = self.config.register {
            let place = format!("http://{register}/api/v2/");
            row("ATOL's web server with a fiscal register, simulated", &place, true);
        }
        if let Some(terminal) = self.config.terminal {
            let place = format!("http://{terminal}/");
            row("DualConnector with a card terminal, simulated", &place, true);
        }
        if let Some(processing) = self.config.processing {
            let place = format!("http://{processing}{}", sim_loymax::PATH);
            row("Loymax processing, simulated", &place, true);
        }
        row("Control port for commands", "control.toml", true);
        html.push_str("</table>");
    }

    /// The story of README, with the ports of this stand.
    async fn lines(&self, html: &mut String) {
        let Some(till) = self.config.tills.first() else { return };
        html.push_str("<h2>Lines to paste</h2>");
        let token = if self.config.demo { demo::TILL_TOKEN } else { "<the till's token>" };
        let variables = format!(
            "TILL=http://{}\nORDER={}\nAUTH='Authorization: Bearer {token}'\n\
             JSON='Content-Type: application/json'",
            till.listen,
            demo::ORDER_82
        );
        block(html, "First, in the same terminal", &variables);
        if !self.config.demo {
            let ping = "curl -i $TILL/ping\ncurl -s $TILL/pos/v1/health -H \"$AUTH\"";
            return block(html, "Is it there?", ping);
        }
        for (what, text) in story(self.next_epoch().await) {
            block(html, what, &text);
        }
    }

    /// The epoch that order 82 has once its guest is checked in, so that the lines work again
    /// after a check-out.
    async fn next_epoch(&self) -> u32 {
        let order = self.engine.order(&Caller::system(), OrderId(demo::ORDER_82)).await;
        let sheet = order.ok().and_then(|view| view.sheet);
        let bound = sheet.as_ref().is_some_and(|sheet| sheet.order.payer().is_some());
        let epoch = sheet.map_or(0, |sheet| sheet.order.epoch);
        if bound { epoch } else { epoch.saturating_add(1) }
    }

    /// The demo's guests, with what is available now.
    async fn guests(&self, html: &mut String) {
        html.push_str("<h2>Guests of the demo</h2><table><tr><th>card</th><th>guest</th>");
        html.push_str("<th>available now</th><th></th></tr>");
        for one in demo::guests() {
            let card = one.carriers.first().copied().unwrap_or_default();
            let name = one.guest.names.display(&one.guest.client_id);
            let file = self.engine.guest(GuestRef::Id(one.guest.id)).await;
            let accounts = file.map_or_else(|_| Vec::new(), |file| file.accounts);
            let money = |account: &Account| {
                let sum = account.available().unwrap_or_default().for_people();
                format!("{} {sum}", escaped(&account.name)).replace(' ', "&nbsp;")
            };
            let money: Vec<_> = accounts.iter().map(money).collect();
            let _ = write!(
                html,
                "<tr><td><code>{}</code><td>{}<td lang=ru>{}<td lang=ru>{}</tr>",
                escaped(card),
                escaped(&name),
                money.join("<br>"),
                escaped(one.about)
            );
        }
        html.push_str("</table>");
    }
}

/// What README tells, step by step, with transaction ids that nobody used yet.
fn story(epoch: u32) -> Vec<(&'static str, String)> {
    let (bonus, deposit) = (demo::BONUS_WALLET, demo::DEPOSIT_WALLET);
    let [(bonus_type, ..), (deposit_type, ..), _] = demo::PAYMENT_TYPES;
    let pay = |transaction: &str, wallet, kopecks: u32, payment_type| {
        format!(
            "curl -s -X PUT $TILL/pos/v1/payments/{transaction} -H \"$AUTH\" -H \"$JSON\" \\\n     \
             -d '{{\"orderId\":\"'$ORDER'\",\"bindingEpoch\":{epoch},\n          \
             \"walletId\":\"{wallet}\",\"amountMinor\":{kopecks},\n          \
             \"orderTotalMinor\":165000,\"paymentTypeId\":\"{payment_type}\"}}'"
        )
    };
    let (first, second) = (RandomIds.fresh().to_string(), RandomIds.fresh().to_string());
    vec![
        (
            "The waiter scans the card: 204",
            format!(
                "curl -i -X POST $TILL/orders/$ORDER/checkin -H \"$JSON\" \\\n     \
                 -d '{{\"Value\":\"{}\",\"WaiterPin\":\"{}\"}}'",
                demo::CARD,
                demo::PIN
            ),
        ),
        (
            "The waiter sees wallets and limits",
            "curl -s $TILL/orders/$ORDER/loyalty -H 'Accept: application/json'\n\
             curl -s $TILL/orders/$ORDER/paymentLimits"
                .to_owned(),
        ),
        (
            "The plugin asks how to split 1650.00 when 750.00 come from points",
            format!(
                "curl -s -X POST $TILL/pos/v1/orders/$ORDER/plan -H \"$AUTH\" -H \"$JSON\" \\\n     \
                 -d '{{\"dueMinor\":165000,\n          \"input\":{{\"enter\":{{\
                 \"walletId\":\"{bonus}\",\"amountMinor\":75000}}}}}}'"
            ),
        ),
        (
            "The till takes both parts; the same line again moves no money",
            [pay(&first, bonus, 75_000, bonus_type), pay(&second, deposit, 90_000, deposit_type)]
                .join("\n"),
        ),
        (
            "The till takes both back",
            [&first, &second]
                .map(|id| {
                    format!(
                        "curl -s -X POST $TILL/pos/v1/payments/{id}/cancel -H \"$AUTH\" \
                         -H \"$JSON\" \\\n     -d '{{\"orderId\":\"'$ORDER'\"}}'"
                    )
                })
                .join("\n"),
        ),
        (
            "The guest leaves: 204",
            format!(
                "curl -i -X DELETE $TILL/orders/$ORDER/checkin -H \"$JSON\" \\\n     \
                 -d '{{\"WaiterPin\":\"{}\"}}'",
                demo::PIN
            ),
        ),
    ]
}

fn block(html: &mut String, what: &str, text: &str) {
    let _ = write!(html, "<h3>{}</h3><pre>{}</pre>", escaped(what), escaped(text));
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8>\
<meta name=viewport content='width=device-width, initial-scale=1'><title>tillway</title><style>\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}\
h1{margin:0}h2{margin:2rem 0 .5rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}.lead{margin-top:0}\
table{border-collapse:collapse;width:100%}\
td,th{text-align:left;vertical-align:top;padding:.35rem .8rem .35rem 0;\
border-bottom:1px solid #8885}\
pre{background:#8882;padding:.8rem;border-radius:.4rem;overflow-x:auto}\
code,pre{font:13px/1.5 ui-monospace,monospace}.good{color:#2a8a4a}.bad{color:#c33;font-weight:600}\
</style>";

const MORE: &str = "<h2>More</h2><table>\
<tr><td><code>cargo run -- demo table</code></td><td>the whole story, told and checked</td></tr>\
<tr><td><code>cargo run -- guest list</code></td><td>guests, accounts, cards, QR codes</td></tr>\
<tr><td><code>cargo run -- till list</code></td><td>tills and their devices</td></tr>\
<tr><td><code>cargo run -- --help</code></td><td>all commands, with examples</td></tr>\
<tr><td><code>docs/guide/getting-started.md</code></td><td>what to try next</td></tr>\
<tr><td><a href=/metrics><code>/metrics</code></a></td><td>what is counted, for Prometheus; \
<code>docs/guide/operating.md</code> says what it means</td></tr>\
<tr><td><code>docs/api/</code></td><td>the Waiter API and the payment API in OpenAPI</td></tr>\
</table></html>";
