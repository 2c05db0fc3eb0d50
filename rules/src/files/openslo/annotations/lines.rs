//! Lines as one annotation, to be read aloud: `night-batch: objective 95, page none; peak-season: objective 99.9`.

use serde_saphyr::Spanned;

use crate::objective::{LineDraft, OtherLine, SeverityNames};

const SHAPE: &str = "write `night-batch: objective 95, page none; peak-season: objective 99.9`";

/// In the order in which they stand: the first whose calendar holds decides.
pub(crate) fn read(value: &Spanned<String>) -> Result<Vec<LineDraft>, String> {
    let parts = value.value.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| line(part, value)).collect()
}

fn line(text: &str, at: &Spanned<String>) -> Result<LineDraft, String> {
    let (calendar, says) =
        text.split_once(':').ok_or_else(|| format!("`{text}` names no calendar: {SHAPE}"))?;
    let (mut objective, mut severity) = (None, SeverityNames::default());
    for said in says.split(',').map(str::trim) {
        let (key, value) = said.split_once(' ').ok_or_else(|| format!("`{said}` says nothing: {SHAPE}"))?;
        let value = value.trim().to_owned();
        match key {
            "objective" => {
                let percent: f64 =
                    value.parse().map_err(|_| format!("`{value}` is not a percentage: {SHAPE}"))?;
                objective = Some(Spanned::new(percent, at.referenced, at.defined));
            }
            "page" => severity.page = Some(value),
            "ticket" => severity.ticket = Some(value),
            other => return Err(format!("`{other}` is not known, objective, page and ticket are: {SHAPE}")),
        }
    }
    let calendar = Spanned::new(calendar.trim().to_owned(), at.referenced, at.defined);
    Ok(LineDraft { r#while: calendar, objective, severity })
}

/// What `read` reads back.
pub(crate) fn spelt(lines: &[OtherLine]) -> String {
    let spelt = lines.iter().map(|line| {
        let said = [
            line.percent.map(|percent| format!("objective {percent}")),
            line.severities.page.as_ref().map(|name| format!("page {name}")),
            line.severities.ticket.as_ref().map(|name| format!("ticket {name}")),
        ];
        let said: Vec<String> = said.into_iter().flatten().collect();
        format!("{}: {}", line.calendar, said.join(", "))
    });
    spelt.collect::<Vec<_>>().join("; ")
}
