import type { KeyShown } from '../../../providers/port.ts'
import type { IncidentEvidence } from '../../document.ts'
import { code, good, moment, paragraph, type Section, type Text, tableOr } from '../text.ts'

/** Each key by its fingerprint, as it was found and as it was left. */
export function keysSection({ keys, incident }: IncidentEvidence): Section {
  const named = new Map([...keys.before, ...keys.after].map((key) => [idOf(key), key]))
  const rows = [...named.keys()].map((id) => {
    const [before, after] = [keys.before, keys.after].map((each) => each.find((key) => idOf(key) === id))
    return row(before, after, incident.plan.kid)
  })
  const note =
    'A fingerprint is the thumbprint of the public key (RFC 7638, SHA-256): the same key has the same one everywhere.'
  const head = ['Key', 'Keyring', 'Before', 'After', 'Fingerprint']
  return {
    title: 'Keys before and after',
    blocks: [paragraph(note), tableOr('The provider shows no keys.', head, rows)],
  }
}

const idOf = ({ keyring, kid }: KeyShown) => JSON.stringify([keyring, kid])

function row(before: KeyShown | undefined, after: KeyShown | undefined, compromised: string): Text[] {
  const key = after ?? before
  if (!key) return []
  const isIt = key.kid === compromised
  return [
    [code(key.kid), isIt ? ' (compromised)' : ''],
    `${key.keyring} (${key.algorithm})`,
    before?.state ?? '—',
    after === undefined ? '—' : stateAfter(after, isIt),
    key.thumbprint === undefined ? '—' : code(key.thumbprint),
  ]
}

function stateAfter({ state, revokedAt, reason }: KeyShown, isIt: boolean): Text {
  const told = `${state}${revokedAt === undefined ? '' : ` ${moment(revokedAt)}`}${reason === undefined ? '' : `, ${reason}`}`
  return isIt && state === 'revoked' ? good(told) : told
}
