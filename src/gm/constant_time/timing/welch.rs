//! Welch's t-test, over what is left when long measurements are cropped.

/// One test for each cropping, and one over everything.
pub(crate) struct Cropped(Vec<(f64, [Class; 2])>);

/// How many croppings there are.
const CROPPINGS: i32 = 20;

/// Fewer measurements in a class say nothing.
const LEAST: f64 = 200.0;

impl Cropped {
    /// Crops at quantiles that lie the closer together the higher they are, as dudect's do: 1 - 2^(-10 i / `CROPPINGS`).
    pub(crate) fn by_quantiles_of(measurements: Vec<(bool, f64)>) -> Self {
        let mut times: Vec<f64> = measurements.into_iter().map(|(_, time)| time).collect();
        times.sort_by(f64::total_cmp);
        let quantile = |i: i32| {
            let share = 1.0 - 0.5f64.powf(10.0 * f64::from(i) / f64::from(CROPPINGS));
            times[((times.len() - 1) as f64 * share) as usize]
        };
        let limits = (1..=CROPPINGS).map(quantile).chain([f64::INFINITY]);
        Self(limits.map(|limit| (limit, [Class::default(); 2])).collect())
    }

    pub(crate) fn push(&mut self, class: bool, time: f64) {
        for (_, classes) in self.0.iter_mut().filter(|(limit, _)| time <= *limit) {
            classes[usize::from(class)].push(time);
        }
    }

    pub(crate) fn largest_t(&self) -> f64 {
        let told = self.0.iter().filter(|(_, classes)| classes.iter().all(|class| class.count >= LEAST));
        told.map(|(_, [a, b])| a.t(b).abs()).fold(0.0, f64::max)
    }
}

/// Count, mean and sum of squared distances from it, kept up as measurements come (Welford 1962).
#[derive(Clone, Copy, Default)]
struct Class {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Class {
    fn push(&mut self, time: f64) {
        self.count += 1.0;
        let distance = time - self.mean;
        self.mean += distance / self.count;
        self.squares += distance * (time - self.mean);
    }

    /// By how many standard errors the means differ (Welch 1947).
    fn t(&self, other: &Self) -> f64 {
        let error = |class: &Self| class.squares / (class.count - 1.0) / class.count;
        (self.mean - other.mean) / (error(self) + error(other)).sqrt().max(f64::MIN_POSITIVE)
    }
}
