/** Keeps secrets out of evidence: whoever puts one there by mistake must not have it sealed, kept and handed to auditors. */
import { REDACTED, redactText } from '@rekey/redact'

/**
 * A copy in which tokens, keys and passwords are taken out of texts. What a provider recorded stays as it is, for it was hashed:
 * its events hold no secrets by their own rule.
 */
export function withoutSecrets<T>(value: T): T {
  if (typeof value === 'string') return redactText(value) as T
  if (Array.isArray(value)) return value.map(withoutSecrets) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(member)) as T
}

function member([name, value]: [string, unknown]): [string, unknown] {
  if (name === 'token' && typeof value === 'string') return [name, REDACTED]
  return [name, name === 'record' ? value : withoutSecrets(value)]
}
