//! The tables that are watched, and what a change in each of them means.

use super::documents;
use super::fields::{As, Fields};
use super::schema::Schema;
use super::watch::{Event, Select, Step, Watch};
use plimsoll_model::Timestamp;

pub(crate) const WATCHES: &[Watch] = &[QUOTATIONS, JOBS, MAILS, EDI_DOCUMENTS, EDI_RECORDS, PAYMENTS];

/// Orders as they are created; what becomes of them is tracked.
const QUOTATIONS: Watch = Watch {
    table: "sale_order",
    what: "quotations",
    needs: &[("sale_order", &["id", "name", "state", "create_date"])],
    created: "create_date",
    open: &[],
    build: |schema| {
        let fields = documents::order(schema);
        select(fields, "sale_order", "d.create_date", Vec::new())
    },
    events: |step| {
        let Some(at) = step.created else { return Vec::new() };
        vec![Event {
            res_id: Some(step.id),
            ..event("odoo.sale.order.quoted", "sale.order", format!("sale.order:{}:quoted", step.id), at)
        }]
    },
};

const JOBS: Watch = Watch {
    table: "queue_job",
    what: "queue jobs",
    needs: &[("queue_job", &["id", "uuid", "state", "channel", "date_created"])],
    created: "date_created",
    open: &["wait_dependencies", "pending", "enqueued", "started", "failed"],
    build: jobs,
    events: job_events,
};

fn jobs(schema: &Schema) -> Select {
    let own = |column: &str, of: &str| schema.or_null("d", "queue_job", column, of);
    let micros = |column: &str| {
        let column = schema.or_null("d", "queue_job", column, "timestamp");
        super::fields::micros(&column)
    };
    // uuid, retry, end, class of the exception, worker
    let extras = vec![
        "d.uuid".to_owned(),
        own("retry", "int8"),
        micros("date_done"),
        own("exc_name", "text"),
        micros("date_started"),
    ];
    let fields = Fields::of(schema)
        .own("odoo.queue.channel", As::Text, "d", "queue_job", "channel")
        .own("odoo.method", As::Text, "d", "queue_job", "method_name")
        .own("odoo.model", As::Text, "d", "queue_job", "model_name")
        .own("odoo.worker.pid", As::Integer, "d", "queue_job", "worker_pid")
        .own("business.duration", As::Number, "d", "queue_job", "exec_time")
        .raw("odoo.retries", As::Integer, format!("nullif(greatest({}, 1) - 1, 0)", own("retry", "int8")))
        .company("d", "queue_job");
    select(fields, "queue_job", "d.date_created", extras)
}

/// A job that failed may be tried again, so its failure is told with the number of the try.
fn job_events(step: &Step<'_>) -> Vec<Event> {
    let [Some(uuid), retry, done, exception, _started] = step.extras else { return Vec::new() };
    let retry = retry.as_deref().unwrap_or("0");
    let mut events = Vec::new();
    if step.told.is_none()
        && let Some(at) = step.created
    {
        let id = format!("queue.job:{uuid}:enqueued");
        events.push(Event { constants: SCHEDULED, ..event("odoo.queue.job.enqueued", "", id, at) });
    }
    let id = format!("queue.job:{uuid}:done:{retry}");
    match step.state {
        "done" => {
            let at = moment(done.as_ref()).unwrap_or(step.now);
            events.push(Event { constants: SCHEDULED, ..event("odoo.queue.job.done", "", id, at) });
        }
        "failed" => events.push(Event {
            failed: Some(class(exception.as_deref())),
            constants: SCHEDULED,
            ..event("odoo.queue.job.done", "", format!("{id}:failed:{}", digest(&[uuid, retry])), step.now)
        }),
        _ => {}
    }
    events
}

/// Sent ones that Odoo keeps, and those that could not be sent; most are deleted once they are sent.
const MAILS: Watch = Watch {
    table: "mail_mail",
    what: "e-mails",
    needs: &[("mail_mail", &["id", "state", "create_date", "write_date", "failure_type"])],
    created: "create_date",
    open: &["outgoing", "exception"],
    build: |schema| {
        let extras = vec![super::fields::micros("d.write_date"), "d.failure_type".to_owned()];
        select(Fields::of(schema), "mail_mail", "d.create_date", extras)
    },
    events: |step| {
        let [written, failure] = step.extras else { return Vec::new() };
        let id = format!("mail.mail:{}:sent", step.id);
        let at = moment(written.as_ref()).unwrap_or(step.now);
        let told = ended(
            step,
            "odoo.mail.mail.sent",
            "mail.mail",
            id,
            at,
            &["sent"],
            &["exception"],
            failure.as_deref(),
        );
        told.into_iter().map(|event| Event { constants: MAIL, ..event }).collect()
    },
};

const EDI_DOCUMENTS: Watch = Watch {
    table: "account_edi_document",
    what: "electronic invoices",
    needs: &[
        (
            "account_edi_document",
            &["id", "state", "create_date", "write_date", "blocking_level", "edi_format_id"],
        ),
        ("account_edi_format", &["id", "code"]),
    ],
    created: "create_date",
    open: &["to_send", "to_cancel", "error"],
    build: |schema| {
        let mut fields = Fields::of(schema)
            .join(" LEFT JOIN account_edi_format ef ON ef.id = d.edi_format_id")
            .raw("integration.name", As::Text, "ef.code");
        if schema.has("account_edi_document", "move_id") && schema.has_all_of("account_move", &["id", "name"])
        {
            fields = fields.join(" LEFT JOIN account_move am ON am.id = d.move_id").raw(
                "business.process_id",
                As::Text,
                "am.name",
            );
        }
        let mut select = select(
            fields,
            "account_edi_document",
            "d.create_date",
            vec![super::fields::micros("d.write_date")],
        );
        select.state =
            "CASE WHEN d.state = 'to_send' AND d.blocking_level = 'error' THEN 'error' ELSE d.state END"
                .into();
        select
    },
    events: |step| {
        let [written] = step.extras else { return Vec::new() };
        let at = moment(written.as_ref()).unwrap_or(step.now);
        let id = format!("account.edi.document:{}:sent:{}", step.id, written.as_deref().unwrap_or("0"));
        let told = ended(
            step,
            "odoo.account.edi.document.sent",
            "account.edi.document",
            id,
            at,
            &["sent"],
            &["error"],
            None,
        );
        told.into_iter().map(|event| Event { constants: EDI, ..event }).collect()
    },
};

const EDI_RECORDS: Watch = Watch {
    table: "edi_exchange_record",
    what: "EDI messages",
    needs: &[
        ("edi_exchange_record", &["id", "edi_exchange_state", "create_date", "write_date", "backend_id"]),
        ("edi_backend", &["id", "name"]),
    ],
    created: "create_date",
    open: &["new", "output_pending", "output_sent", "input_pending", "input_received"],
    build: |schema| {
        let fields = Fields::of(schema)
            .join(" LEFT JOIN edi_backend b ON b.id = d.backend_id")
            .raw("integration.name", As::Text, schema.label("b", "edi_backend", "name"))
            .raw(
                "integration.direction",
                As::Text,
                "CASE WHEN d.edi_exchange_state LIKE 'input%' THEN 'in' WHEN d.edi_exchange_state LIKE 'output%' THEN 'out' END",
            );
        let mut select = select(
            fields,
            "edi_exchange_record",
            "d.create_date",
            vec![super::fields::micros("d.write_date")],
        );
        select.state = "d.edi_exchange_state".into();
        select
    },
    events: |step| {
        let [written] = step.extras else { return Vec::new() };
        let at = moment(written.as_ref()).unwrap_or(step.now);
        let id = format!("edi.exchange.record:{}:processed:{}", step.id, written.as_deref().unwrap_or("0"));
        let ends = ["output_sent_and_processed", "input_processed"];
        let failures = [
            "validate_error",
            "output_error_on_send",
            "output_sent_and_error",
            "input_receive_error",
            "input_processed_error",
        ];
        let name = "odoo.edi.exchange.record.processed";
        let told = ended(step, name, "edi.exchange.record", id, at, &ends, &failures, Some(step.state));
        told.into_iter().map(|event| Event { constants: EDI, ..event }).collect()
    },
};

const PAYMENTS: Watch = Watch {
    table: "payment_transaction",
    what: "online payments",
    needs: &[
        ("payment_transaction", &["id", "state", "create_date", "write_date", "provider_id", "amount"]),
        ("payment_provider", &["id", "code"]),
    ],
    created: "create_date",
    open: &["draft", "pending", "authorized"],
    build: |schema| {
        let fields = Fields::of(schema)
            .join(" LEFT JOIN payment_provider pp ON pp.id = d.provider_id")
            .raw("integration.name", As::Text, "pp.code")
            .own("business.process_id", As::Text, "d", "payment_transaction", "reference")
            .raw("business.amount", As::Number, "d.amount")
            .company("d", "payment_transaction")
            .currency("d", "payment_transaction");
        select(fields, "payment_transaction", "d.create_date", vec![super::fields::micros("d.write_date")])
    },
    events: |step| {
        let [written] = step.extras else { return Vec::new() };
        let at = moment(written.as_ref()).unwrap_or(step.now);
        let id = format!("payment.transaction:{}:done:{}", step.id, written.as_deref().unwrap_or("0"));
        let name = "odoo.payment.transaction.done";
        let told = ended(
            step,
            name,
            "payment.transaction",
            id,
            at,
            &["done"],
            &["error", "cancel"],
            Some(step.state),
        );
        told.into_iter().map(|event| Event { constants: PAYMENT, ..event }).collect()
    },
};

/// Whose work each of them is, as far as a row tells.
const SCHEDULED: &[(&str, &str)] = &[("business.workload", "scheduled")];
const MAIL: &[(&str, &str)] = &[("integration.kind", "email"), ("business.workload", "scheduled")];
const EDI: &[(&str, &str)] = &[("integration.kind", "edi"), ("business.workload", "integration")];
const PAYMENT: &[(&str, &str)] = &[("integration.kind", "payment"), ("business.workload", "integration")];

fn select(fields: Fields<'_>, table: &str, created: &str, extras: Vec<String>) -> Select {
    Select {
        extras,
        list: fields.list(),
        created: created.to_owned(),
        state: "d.state".to_owned(),
        from: format!("{table} d{}", fields.joins()),
        fields: fields.finish(),
    }
}

fn event(name: &'static str, model: &'static str, id: String, at: Timestamp) -> Event {
    Event { name, model, id, at, failed: None, res_id: None, constants: &[] }
}

/// The one event of a record that ended well or badly; nothing while it goes on.
#[expect(clippy::too_many_arguments, reason = "a table row, spelt out at each call")]
fn ended(
    step: &Step<'_>,
    name: &'static str,
    model: &'static str,
    id: String,
    at: Timestamp,
    good: &[&str],
    bad: &[&str],
    class: Option<&str>,
) -> Option<Event> {
    let ended = Event { res_id: Some(step.id), ..event(name, model, id, at) };
    if good.contains(&step.state) {
        return Some(ended);
    }
    bad.contains(&step.state).then(|| Event {
        failed: Some(class.unwrap_or("failed").to_owned()),
        id: format!("{}:failed:{}", ended.id, digest(&[&at.nanos().to_string()])),
        ..ended
    })
}

fn moment(micros: Option<&String>) -> Option<Timestamp> {
    micros?.parse::<i64>().ok().map(|micros| Timestamp::from_nanos(micros.saturating_mul(1_000)))
}

/// The exception's own name, without the modules that it lives in.
fn class(exception: Option<&str>) -> String {
    let name = exception.unwrap_or("failed");
    name.rsplit('.').next().unwrap_or(name).to_owned()
}

/// Sixteen hex digits that are the same whenever the same attempt is read again.
fn digest(parts: &[&str]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.iter().flat_map(|part| part.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step<'a>(state: &'a str, told: Option<&'a str>, extras: &'a [Option<String>]) -> Step<'a> {
        let created = Some(Timestamp::from_secs(1));
        Step { id: 5, state, told, created, extras, now: Timestamp::from_secs(100) }
    }

    #[test]
    fn a_job_is_told_when_it_is_queued_and_each_time_it_ends() {
        let extras = |retry: &str| {
            ["u", retry, "2000000", "odoo.exceptions.UserError", ""]
                .map(|text| Some(text.to_owned()))
                .to_vec()
        };
        let names = |step: &Step<'_>| {
            job_events(step).iter().map(|event| (event.name, event.id.clone())).collect::<Vec<_>>()
        };
        let first = extras("0");
        assert_eq!(
            names(&step("pending", None, &first)),
            [("odoo.queue.job.enqueued", "queue.job:u:enqueued".into())]
        );
        let both = job_events(&step("done", None, &first));
        assert_eq!(both.len(), 2, "created and done between two looks");
        assert_eq!((both[1].id.as_str(), both[1].at), ("queue.job:u:done:0", Timestamp::from_secs(2)));
        let failed = &job_events(&step("failed", Some("started"), &extras("1")))[0];
        assert_eq!(failed.failed.as_deref(), Some("UserError"));
        assert!(
            failed.id.starts_with("queue.job:u:done:1:failed:") && failed.id.len() == 42,
            "{}",
            failed.id
        );
        let again = job_events(&step("failed", Some("started"), &extras("1")));
        assert_eq!(again.as_slice(), std::slice::from_ref(failed), "read again, it is the same");
    }

    #[test]
    fn a_mail_that_failed_and_then_left_is_two_facts() {
        let extras = [Some("7000000".to_owned()), Some("smtp".to_owned())];
        let failed = (MAILS.events)(&step("exception", Some("outgoing"), &extras));
        assert_eq!((failed[0].failed.as_deref(), failed[0].at), (Some("smtp"), Timestamp::from_secs(7)));
        let sent = (MAILS.events)(&step("sent", Some("exception"), &extras));
        assert_eq!((sent[0].id.as_str(), sent[0].failed.as_deref()), ("mail.mail:5:sent", None));
        assert!((MAILS.events)(&step("outgoing", None, &extras)).is_empty());
    }
}
