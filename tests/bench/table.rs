//! The table: ours, the comparison, their ratio, the goal and whether it is met.

/// What is to be reached.
#[derive(Clone, Copy)]
pub enum Goal {
    /// Ours is at most so many times the comparison.
    Ratio(f64),
    /// Ours is at most this much.
    Most(f64),
    /// Ours is at least this much.
    Least(f64),
}

pub struct Row {
    pub what: String,
    pub unit: &'static str,
    pub ours: f64,
    /// What stands beside it, and its figure.
    pub beside: &'static str,
    pub theirs: f64,
    pub goal: Goal,
}

impl Row {
    fn cells(&self) -> [String; 6] {
        let ratio = self.ours / self.theirs;
        let (goal, met) = match self.goal {
            Goal::Ratio(most) => (format!("<= {most} x"), ratio <= most),
            Goal::Most(most) => (format!("<= {most} {}", self.unit), self.ours <= most),
            Goal::Least(least) => (format!(">= {least} {}", self.unit), self.ours >= least),
        };
        let ratio = if ratio.is_finite() { format!("{ratio:.2}") } else { "-".to_owned() };
        let beside = if self.beside.is_empty() { "-".to_owned() } else { format!("{} {}", figure(self.theirs, self.unit), self.beside) };
        [self.what.clone(), figure(self.ours, self.unit), beside, ratio, goal, if met { "met" } else { "MISSED" }.to_owned()]
    }
}

fn figure(value: f64, unit: &str) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

pub fn print(rows: &[Row]) {
    let head = ["what", "ours", "beside it, same run", "ratio", "goal", "verdict"].map(str::to_owned);
    let cells: Vec<[String; 6]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    for row in &cells {
        let line: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", line.join(" | ").trim_end());
    }
}

pub fn median(figures: &[f64]) -> f64 {
    quantile(figures, 0.5)
}

pub fn quantile(figures: &[f64], part: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len().saturating_sub(1)) as f64 * part).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
