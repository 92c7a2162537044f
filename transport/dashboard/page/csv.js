// Tables as CSV: plain numbers, one header, nothing that a spreadsheet would run.
function cell(c) {
  const raw = c !== null && typeof c === "object" ? (c.raw ?? c.text) : c;
  if (raw === null || raw === undefined) return "";
  if (typeof raw === "number") return String(raw);
  let text = String(raw);
  if (/^[=+\-@\t\r]/.test(text)) text = "'" + text;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csv = (table) => [table.csvColumns ?? table.columns, ...(table.csvRows ?? table.rows)].map((row) => row.map((c) => cell(c?.label ?? c)).join(",")).join("\r\n") + "\r\n";

// copy puts text into the clipboard, and reports whether it could: browsers refuse pages that came without TLS from another machine.
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
