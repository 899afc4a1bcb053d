// Moments, the way a person says them.

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "long" });
const dayAndYear = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "short" });

/** "just now", "5 minutes ago", "yesterday", "3 March". */
export function ago(moment: Date, now: Date): string {
  const seconds = Math.round((moment.getTime() - now.getTime()) / 1000);
  if (seconds > -45) return "just now";
  const minutes = Math.round(seconds / 60);
  if (minutes > -60) return relative.format(minutes, "minute");
  const days = daysBetween(moment, now);
  if (days === 0) return relative.format(Math.round(minutes / 60), "hour");
  if (days > -7) return relative.format(days, "day");
  return (moment.getFullYear() === now.getFullYear() ? day : dayAndYear).format(moment);
}

/** The heading a document stands under in the list. */
export function period(moment: Date, now: Date): string {
  const days = daysBetween(moment, now);
  if (days >= 0) return "Today";
  if (days === -1) return "Yesterday";
  if (days > -7) return "This week";
  return days > -31 ? "This month" : "Earlier";
}

export function exactly(moment: Date): string {
  return full.format(moment);
}

// Midnights passed: negative when the moment lies before today.
function daysBetween(moment: Date, now: Date): number {
  const midnight = (date: Date): number => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((midnight(moment) - midnight(now)) / 86_400_000);
}
