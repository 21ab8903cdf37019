import type { KeyringView, VersionView } from '../client/keyring.ts'
import { gateSentence } from '../rotation/gate.ts'
import { span } from '../terminal/span.ts'
import { table } from '../terminal/table.ts'

// What is over does not end: after a year of rotations nobody would find the active version among them.
const shownOfEach = 3
const over = ['retired', 'revoked'] as const

/** The versions of a keyring and the gates that are closed. */
export function keyringSection(keyring: KeyringView, now: number): string {
  const title = `Keyring ${keyring.name} (${[keyring.kind, keyring.algorithm].filter(Boolean).join(', ')})`
  const hidden = over.map((state) => ({ state, versions: older(keyring.versions, state) }))
  const isCounted = keyring.versions.some((version) => version.held)
  const held = (version: VersionView) => (isCounted ? [heldText(version, now)] : [])
  const head = ['VERSION', 'STATE', 'FOR', ...(isCounted ? [hangingOn(keyring)] : []), 'REASON']
  const rows = keyring.versions
    .filter((version) => !hidden.some(({ versions }) => versions.includes(version)))
    .map((version) => [version.id, version.state, sinceOf(version, now), ...held(version), version.reason ?? ''])
  const more = hidden.flatMap(({ state, versions }) =>
    versions.length === 0 ? [] : [`  and ${versions.length} more ${state}`],
  )
  const gates = keyring.waiting.map((waiting) => `  ${waiting.step}: ${gateSentence(waiting, now)}`)
  return [title, table(head, rows), ...more, ...gates].join('\n')
}

/** What is counted by version. */
const hangingOn = ({ kind }: Pick<KeyringView, 'kind'>) => (kind === 'encryption-key' ? 'VALUES' : 'SESSIONS')

/** All in that state but the newest. */
function older(versions: readonly VersionView[], state: VersionView['state']): VersionView[] {
  return versions
    .filter((version) => version.state === state)
    .toSorted((a, b) => Date.parse(reachedAt(b) ?? b.preparedAt) - Date.parse(reachedAt(a) ?? a.preparedAt))
    .slice(shownOfEach)
}

function sinceOf(version: VersionView, now: number): string {
  const reached = reachedAt(version)
  return reached === undefined ? '' : span(now - Date.parse(reached))
}

function heldText({ held }: VersionView, now: number): string {
  if (held === undefined) return ''
  return held.until === null ? `${held.count}` : `${held.count}, the last ends in ${span(Date.parse(held.until) - now)}`
}

/** When it came into the state that it is in. */
function reachedAt(version: VersionView): string | undefined {
  return {
    prepared: version.preparedAt,
    active: version.activatedAt,
    retiring: version.retiringAt,
    retired: version.retiredAt,
    revoked: version.revokedAt,
  }[version.state]
}
