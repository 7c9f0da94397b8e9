//! Orders on their way through three services: calls as REQ and RESP lines of the house format, changes of status as
//! JSON, now and then a wide event. Each call has a trace of its own.

use std::fmt::Write as _;

use super::draw::Draws;
use super::wide::Completed;
use super::{FIRST_ORDER, Line, OPEN_ORDERS, SERVICES, push_time, wide};

const INFO: usize = 0;
const WARN: usize = 1;
const ERROR: usize = 2;

/// Status, the service that moves an order on from it, and the call that does.
const STEPS: [(&str, usize, &str); 9] = [
    ("CREATED", 0, "submit"),
    ("SUBMITTED", 2, "price"),
    ("PRICE_CALCULATED", 1, "approve"),
    ("MANUFACTURING_APPROVED", 2, "manufacturing/start"),
    ("MANUFACTURING_STARTED", 2, "manufacturing/complete"),
    ("MANUFACTURING_COMPLETED", 2, "packaging"),
    ("PACKAGING", 0, "ship"),
    ("SHIPPED", 1, "deliver"),
    ("DELIVERED", 1, "close"),
];
const FINAL: &str = "CLOSED";

/// The orders that are open, and the id of the next.
#[derive(Debug)]
pub(super) struct Orders {
    open: Vec<Order>,
    next_id: u64,
    planted: Option<String>,
}

#[derive(Debug)]
struct Order {
    id: u64,
    customer: u64,
    step: usize,
    /// Looked at all the time; one in a thousand is.
    restless: bool,
    call: Option<Call>,
}

#[derive(Debug)]
struct Call {
    trace: String,
    span: u64,
    request: u64,
    service: usize,
    instance: usize,
    /// None: it only looks at the order.
    action: Option<&'static str>,
    fails: bool,
    stage: Stage,
}

/// What a call writes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Change,
    Response,
    Wide { took: u64 },
}

impl Orders {
    pub(super) fn new(draws: &mut Draws) -> Self {
        let mut orders = Self { open: Vec::new(), next_id: FIRST_ORDER, planted: None };
        for _ in 0..OPEN_ORDERS {
            let mut order = orders.create(draws);
            order.step = usize::try_from(draws.below(STEPS.len() as u64)).unwrap_or(0);
            orders.open.push(order);
        }
        orders
    }

    /// The next call that begins has this trace.
    pub(super) fn plant(&mut self, trace: String) {
        self.planted = Some(trace);
    }

    fn create(&mut self, draws: &mut Draws) -> Order {
        self.next_id += 1;
        let (customer, restless) = (10_000 + draws.below(50_000), draws.rarely(1_000));
        Order { id: self.next_id - 1, customer, step: 0, restless, call: None }
    }

    /// Writes the next line of some open order; returns its level.
    pub(super) fn line(&mut self, line: &mut Line, draws: &mut Draws) -> usize {
        // As a shipper that reads the line's own time, but never on the border of five minutes.
        let millis = line.timestamp / 1_000_000;
        line.timestamp = (millis + i64::from(millis % 300_000 == 0)) * 1_000_000;
        let place = usize::try_from(draws.below(OPEN_ORDERS)).unwrap_or(0);
        let Some(order) = self.open.get_mut(place) else { return INFO };
        let level = match order.call.take() {
            None => order.request(line, draws, self.planted.take()),
            Some(call) => order.go_on(call, line, draws),
        };
        line.order = Some(order.id);
        if order.call.is_none() && order.step == STEPS.len() {
            let fresh = self.create(draws);
            self.open[place] = fresh;
        }
        level
    }
}

impl Order {
    const fn status(&self) -> &'static str {
        if self.step < STEPS.len() { STEPS[self.step].0 } else { FINAL }
    }

    fn request(&mut self, line: &mut Line, draws: &mut Draws, planted: Option<String>) -> usize {
        let looks = if self.restless { !draws.rarely(50) } else { draws.rarely(3) };
        let (_, mover, action) = STEPS[self.step];
        let trace = planted.unwrap_or_else(|| format!("{:016x}{:016x}", draws.word(), draws.word()));
        let call = Call {
            trace,
            span: draws.word(),
            request: draws.below(1 << 32),
            service: if looks { usize::try_from(draws.below(3)).unwrap_or(0) } else { mover },
            instance: usize::try_from(draws.below(3)).unwrap_or(0),
            action: (!looks).then_some(action),
            fails: draws.rarely(50),
            stage: if looks { Stage::Response } else { Stage::Change },
        };
        self.call(&call, "REQ", line);
        let text = &mut line.text;
        write!(
            text,
            " session_id={:016x} ip=10.{}.{}.{}",
            draws.word(),
            draws.below(8),
            draws.below(256),
            draws.below(256)
        )
        .unwrap_or_default();
        if call.action.is_some() {
            write!(text, " body={{\"note\":\"tok_{:013x}\",\"rev\":{}}}", draws.below(1 << 52), draws.below(32))
                .unwrap_or_default();
        }
        self.call = Some(Call { stage: if call.fails { Stage::Response } else { call.stage }, ..call });
        INFO
    }

    fn go_on(&mut self, mut call: Call, line: &mut Line, draws: &mut Draws) -> usize {
        match call.stage {
            Stage::Change => {
                self.change(&call, line, draws);
                self.step += 1;
                call.stage = Stage::Response;
                self.call = Some(call);
                INFO
            }
            Stage::Response => {
                let took = draws.duration();
                let level = self.response(&call, took, line, draws);
                if draws.rarely(40) {
                    self.call = Some(Call { stage: Stage::Wide { took }, ..call });
                }
                level
            }
            Stage::Wide { took } => {
                self.ids(&call, line);
                let completed = Completed {
                    order: self.id,
                    customer: self.customer,
                    status: self.status(),
                    trace: &call.trace,
                    service: SERVICES[call.service],
                    instance: call.instance,
                    took,
                    failed: call.fails,
                };
                wide::write(&completed, line, draws);
                INFO
            }
        }
    }

    /// What REQ and RESP lines have in common.
    fn call(&self, call: &Call, kind: &str, line: &mut Line) {
        self.ids(call, line);
        let text = &mut line.text;
        text.push('[');
        push_time(text, line.timestamp);
        let (id, status, customer) = (self.id, self.status(), self.customer);
        let (method, slash, action) = call.action.map_or(("GET", "", ""), |action| ("POST", "/", action));
        write!(
            text,
            "][{kind}][{method} /orders/{{id}}{slash}{action}] order_id={id} status={status} customer_id={customer} \
             trace_id={} span_id={:016x} request_id={:08x}",
            call.trace, call.span, call.request,
        )
        .unwrap_or_default();
    }

    fn response(&self, call: &Call, took: u64, line: &mut Line, draws: &mut Draws) -> usize {
        self.call(call, "RESP", line);
        let text = &mut line.text;
        if call.fails {
            let error = draws.pick(&["upstream timed out", "connection reset by peer", "no free workshop"]);
            write!(text, " http_status=503 duration_ms={took} error=\"{error}\"").unwrap_or_default();
            return ERROR;
        }
        write!(text, " http_status=200 duration_ms={took} bytes={}", 200 + draws.below(16_384)).unwrap_or_default();
        if 1_000 < took { WARN } else { INFO }
    }

    fn change(&self, call: &Call, line: &mut Line, draws: &mut Draws) {
        self.ids(call, line);
        let to = STEPS.get(self.step + 1).map_or(FINAL, |step| step.0);
        let text = &mut line.text;
        text.push_str("{\"ts\":\"");
        push_time(text, line.timestamp);
        write!(
            text,
            "\",\"level\":\"info\",\"msg\":\"order status changed\",\"order_id\":{},\
             \"from\":\"{}\",\"to\":\"{to}\",\"trace_id\":\"{}\",\"revision\":{}}}",
            self.id,
            self.status(),
            call.trace,
            1 + draws.below(16),
        )
        .unwrap_or_default();
    }

    fn ids(&self, call: &Call, line: &mut Line) {
        line.service = call.service;
        line.stream = call.instance;
        line.metadata.push(("order_id".to_owned(), self.id.to_string()));
        line.metadata.push(("trace_id".to_owned(), call.trace.clone()));
    }
}
