use super::*;

pub(super) const CLOCKED: &str = "\
slo: order-posting
service: sales
objective: 99.5
window: 1M
starts: 2026-01-21
time_zone: Asia/Kathmandu
count_only: business-hours
exclude: [maintenance, freeze]
lines:
  - {while: night-batch, objective: 95, severity: {page: none}}
  - {while: peak-season, objective: 99.9}
  - {while: freeze, severity: {page: ticket, ticket: none}}
events: SELECT time, good FROM logs
";

#[test]
fn what_the_business_clock_does_is_expanded_as_it_is_read_aloud() {
    let expanded = expand(CLOCKED, Path::new("slo.yaml")).expect("expands");
    let lines =
        "night-batch: objective 95, page none; peak-season: objective 99.9; freeze: page ticket, ticket none";
    for said in [
        "plimsoll.dev/count-only: business-hours",
        "plimsoll.dev/exclude: maintenance,freeze",
        lines,
        "duration: 1M",
        "isRolling: false",
        "2026-01-21 00:00:00",
        "timeZone: Asia/Kathmandu",
    ] {
        assert!(expanded.contains(said), "{said}:\n{expanded}");
    }
    let [objective] = objectives(CLOCKED).try_into().expect("one");
    assert_eq!(objective.clock.period.as_ref().map(crate::Period::said).as_deref(), Some("this month"));
    assert_eq!(objective.clock.lines.len(), 3);
    let week = "slo: a\nservice: b\nobjective: 90\nwindow: 1w\nstarts: 2026-01-05\nevents: SELECT time, good FROM logs";
    assert!(objectives(week)[0].clock.period.is_some(), "a start makes a week one of the calendar");
}

#[test]
fn what_the_business_clock_can_not_mean_is_refused_where_it_stands() {
    refuses_short("28d", "2Y", 4, "1d to 1Y");
    refuses_short("28d", "28d\ntime_zone: UTC", 5, "a window that rolls has no time zone");
    refuses_short("28d", "1w\nstarts: Monday", 5, "not a day");
    refuses_short("28d", "1M\ntime_zone: Berlin", 5, "IANA");
    refuses_short("28d", "28d\nlines: [{while: night-batch}]", 5, "give it `objective` or `severity`");
    refuses_short("28d", "28d\nlines: [{while: night-batch, objective: 100}]", 5, "below 100");
    refuses_short("28d", "28d\nlines: [{when: night-batch, objective: 99}]", 5, "when");
}
