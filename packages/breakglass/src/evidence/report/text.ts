/**
 * What a report is made of. It says nothing of how it looks: Markdown and HTML are two ways to write the same blocks down, and
 * each escapes in one place, whatever a text comes from.
 */
export type Mark = 'good' | 'bad' | 'unsure'

/** Plain text; `code` for what is compared letter by letter. */
export type Text = string | { code: string } | { mark: Mark; text: Text } | Text[]

export type Block =
  | { kind: 'paragraph'; text: Text }
  | { kind: 'list'; items: Text[] }
  | { kind: 'members'; rows: [name: string, value: Text][] }
  | { kind: 'table'; head: string[]; rows: Text[][] }
  | { kind: 'verdict'; mark: Mark; headline: string; text: Text }
  | { kind: 'commands'; lines: string[] }

export interface Section {
  title: string
  blocks: Block[]
}

export interface Report {
  title: string
  subtitle: string
  sections: Section[]
}

export const paragraph = (text: Text): Block => ({ kind: 'paragraph', text })
export const code = (text: string): Text => ({ code: text })
export const good = (text: Text): Text => ({ mark: 'good', text })
export const bad = (text: Text): Text => ({ mark: 'bad', text })
export const unsure = (text: Text): Text => ({ mark: 'unsure', text })

/** A table, or a sentence where it would have no rows. */
export function tableOr(none: string, head: string[], rows: Text[][]): Block {
  return rows.length === 0 ? paragraph(none) : { kind: 'table', head, rows }
}

/** What comes between the parts. */
export function joined(parts: readonly Text[], between: Text = ', '): Text {
  return parts.flatMap((part, at) => (at === 0 ? [part] : [between, part]))
}

/** `2026-03-01 12:00:07.123`, in UTC. What is no time is shown as it is. */
export function moment(iso: string | null | undefined): string {
  if (!iso) return '—'
  const at = Date.parse(iso)
  return Number.isNaN(at) ? iso : new Date(at).toISOString().replace('T', ' ').replace('Z', '')
}

/** From one time to another: `8.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function between(from: string | undefined, to: string | undefined): string {
  const ms = Date.parse(to ?? '') - Date.parse(from ?? '')
  if (Number.isNaN(ms)) return '—'
  if (Math.abs(ms) < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const [minutes, hours] = [Math.floor(ms / 60_000), Math.floor(ms / 3_600_000)]
  if (hours === 0) return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** `1 instance`, `3 instances`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
