//! What `calendars.yml` may say, and what it is told when it may not.

use super::*;
use crate::finding::Finding;

fn findings(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    CalendarFile { file: PathBuf::from("calendars.yml"), text: text.to_owned() }.read(&mut findings);
    findings
}

#[track_caller]
fn refuses(text: &str, line: u64, words: &str) {
    let findings = findings(text);
    let found = findings
        .iter()
        .any(|finding| finding.is_error && finding.line == line && finding.message.contains(words));
    assert!(found, "line {line} and `{words}`: {findings:#?}");
}

const GOOD: &str = "time_zone: Europe/Berlin
calendars:
  - name: hours
    kind: business_hours
    reason: the desk is staffed
    time_intervals:
      - weekdays: ['monday:friday', sunday]
        times: [{start_time: 08:00, end_time: '24:00'}]
        days_of_month: ['1:15', '-3:-1', 20]
        months: [1, 'march:may', december]
        years: [2026, '2027:2030']
        location: Asia/Kathmandu
        warehouse: HAM
    minus: [days-off]
  - name: days-off
    kind: holiday
    labels: {company: Nordwind}
    spans:
      - start: 2026-12-24 18:00
        end: 2026-12-27
        rrule: FREQ=YEARLY;INTERVAL=2;COUNT=4
        reason: Christmas
      - start: '2026-11-21T10:00:00+01:00'
        duration: 2h30m
cut_offs:
  - warehouse: [HAM, ROT]
    carrier: DHL
    minus: [days-off]
    times: [{weekdays: ['monday:friday'], time: '17:00'}]
";

#[test]
fn every_key_is_read() {
    assert!(findings(GOOD).is_empty(), "{:#?}", findings(GOOD));
    let calendars = read(GOOD);
    assert_eq!(calendars.names().collect::<Vec<_>>(), ["hours", "days-off"]);
    assert!(findings("# nothing yet\n\n").is_empty());
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_its_cure() {
    let change = |from: &str, to: &str, line: u64, words: &str| {
        assert!(GOOD.contains(from), "{from}");
        refuses(&GOOD.replacen(from, to, 1), line, words);
    };
    change("Europe/Berlin", "Europe/Berlim", 1, "IANA");
    change("kind: business_hours", "kind: busy", 4, "busy");
    change("    reason: the", "    reasons: the", 5, "reasons");
    change("monday:friday", "friday:monday", 7, "begins on Sunday");
    change("'24:00'", "'25:00'", 8, "time of day");
    change("start_time: 08:00", "start_time: '24:00'", 8, "passes midnight");
    change("'-3:-1'", "'-1:-3'", 9, "earlier day first");
    change("'-3:-1'", "'-3:1'", 9, "back and then forth");
    change("[1, 'march:may'", "[13, 'march:may'", 10, "not a month");
    change("Asia/Kathmandu", "Nepal Time", 12, "IANA");
    change("minus: [days-off]", "minus: [daysoff]", 14, "there are days-off, hours");
    change("minus: [days-off]", "minus: [hours]", 14, "circle");
    change("name: days-off", "name: Days Off", 15, "lower-case");
    change("name: days-off", "name: hours", 15, "line 3");
    change("2026-12-24 18:00", "24.12.2026", 19, "2026-12-24 18:00");
    change("end: 2026-12-27", "end: 2026-12-23", 20, "end after the start");
    change("end: 2026-12-27", "labels: {}", 19, "exactly one");
    change("FREQ=YEARLY", "FREQ=SECONDLY", 21, "DAILY, WEEKLY, MONTHLY or YEARLY");
    change("COUNT=4", "COUNT=4;UNTIL=20301231", 21, "keep one");
    change("COUNT=4", "BYHOUR=3", 21, "BYHOUR is not read");
    change("COUNT=4", "COUNT=1000000", 21, "1 to 10000");
    change("duration: 2h30m", "duration: 2x", 24, "duration");
    change("duration: 2h30m", "end: 2026-11-21 12:00", 24, "alike");
    change("time: '17:00'", "time: 5pm", 29, "time of day");
    let twice = format!("{GOOD}  - {{warehouse: ROT, carrier: DHL, times: [{{time: '16:00'}}]}}\n");
    refuses(&twice, 30, "already");
    refuses("calendars: [{name: a, kind: peak}]\n", 1, "no hours");
    refuses("calendars: [\n", 1, "");
}
