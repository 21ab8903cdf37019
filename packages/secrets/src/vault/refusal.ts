/**
 * What Vault's replies mean to whoever asked for a secret. Nothing that Vault said is repeated: a reply may come from
 * whatever stands between, and quote what it was sent.
 */
import { SecretsError } from '../error.ts'
import type { Reply } from './send.ts'

/** Statuses that pass by themselves; 412, 472 and 473 are of nodes that are not, or not yet, the one to ask. */
const passing: ReadonlySet<number> = new Set([412, 429, 472, 473])

/** While a mount is being made version 2 it answers 400. */
const upgrading = /from non-versioned to versioned data/

/** `VAULT_UNAVAILABLE` when it may go through later, `VAULT_REFUSED` when somebody has to do something first. */
export function refusalOf(reply: Reply): SecretsError {
  const { status } = reply
  const said = errorsOf(reply).join('\n')
  if (/vault is sealed/i.test(said)) return unavailable('Vault is sealed')
  if (status >= 500 || passing.has(status) || upgrading.test(said)) {
    return unavailable(`Vault cannot serve this at the moment (status ${status})`)
  }
  if (status === 403) return refused('Vault refuses the token, or its policy does not allow this')
  if (status === 404) return refused('Vault has no key-value engine of version 2 at VAULT_MOUNT, or no such namespace')
  return refused(`Vault refuses the request (status ${status})`)
}

/** Vault answers 404 for a mount or a namespace that is not there as well, but then it says so. */
export function isNotThere({ status, body }: Reply): boolean {
  if (status !== 404 || typeof body !== 'object' || body === null) return false
  if ('data' in body) return true
  return 'errors' in body && Array.isArray(body.errors) && body.errors.length === 0
}

/** A check-and-set was refused: somebody else was faster. Of data it 'did', of settings it 'does' not match. */
export function isBehind(reply: Reply): boolean {
  return reply.status === 400 && errorsOf(reply).some((text) => /(did|does) not match the current version/.test(text))
}

export function unavailable(message: string): SecretsError {
  return new SecretsError('VAULT_UNAVAILABLE', message)
}

export function refused(message: string): SecretsError {
  return new SecretsError('VAULT_REFUSED', message)
}

function errorsOf({ body }: Reply): string[] {
  const errors = (body as { errors?: unknown } | undefined)?.errors
  return Array.isArray(errors) ? errors.filter((text) => typeof text === 'string') : []
}
