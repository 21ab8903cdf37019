import type { CredentialView, IssuedCredential } from '../../client/credential.ts'
import { fromNow, span } from '../../terminal/span.ts'
import { members, table } from '../../terminal/table.ts'

/** A credential that was just made: the one time that its secret is shown. */
export function issuedText(issued: Partial<IssuedCredential>): string {
  const { clientId, credentialId, clientSecret, kid } = issued
  return members({ clientId, credentialId, kid, clientSecret: clientSecret && `${clientSecret}   (shown only now)` })
}

/** The credentials of an agent. */
export function credentialsTable(credentials: readonly CredentialView[], now: number): string {
  if (credentials.length === 0) return '  none'
  const rows = credentials.map((credential) => [
    credential.credentialId,
    credential.kind,
    stateOf(credential, now),
    span(now - Date.parse(credential.rotatedAt)),
    dueText(credential, now),
    expiryText(credential, now),
  ])
  return table(['CREDENTIAL', 'KIND', 'STATUS', 'AGE', 'ROTATION', 'EXPIRES'], rows)
}

/** Whether it works, and how the one before does during an overlap. */
export function stateOf({ status, overlapEndsAt, reason }: CredentialView, now: number): string {
  if (status === 'revoked' && reason) return `revoked: ${reason}`
  const overlaps = status === 'active' && overlapEndsAt !== undefined && Date.parse(overlapEndsAt) > now
  return overlaps ? `active, the old one too for ${span(Date.parse(overlapEndsAt) - now)}` : status
}

/** When it ends by itself, which one that was revoked does no more. */
function expiryText({ status, expiresAt }: CredentialView, now: number): string {
  if (status === 'revoked') return ''
  return expiresAt === undefined ? 'never' : fromNow(expiresAt, now)
}

/** When its rotation is due; nothing is to be done for one that works no more. */
export function dueText({ status, rotateBy }: CredentialView, now: number): string {
  if (status !== 'active' || rotateBy === undefined) return ''
  const leftMs = Date.parse(rotateBy) - now
  return leftMs > 0 ? `due in ${span(leftMs)}` : `overdue for ${span(-leftMs)}`
}
