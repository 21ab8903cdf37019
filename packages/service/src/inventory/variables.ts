/** Which variables hold secrets, and under which name the inventory has them. */
import type { SecretFacts } from './entry.ts'

/**
 * What a variable holds. `kind`: a secret that stands nowhere else, so the variable is its entry. `listedAs`: what it holds is listed
 * under another name, which is said. `public`: it sounds like a secret and is none, and why.
 */
export type VariableUse = { kind: string } | { listedAs: string } | { public: string }
/** What variables hold, by their names. */
export type VariableUses = Readonly<Record<string, VariableUse>>

/** Of every service. The password may be left out of an address, where a socket or a certificate lets one in. */
export const serviceVariableUses: VariableUses = {
  DATABASE_URL: { kind: 'database-password' },
  DATABASE_DIRECT_URL: { kind: 'database-password' },
  DATABASE_OWNER_URL: { kind: 'database-password' },
  REKEY_ROOT_KEY: { listedAs: 'root keys, by their ids' },
}

/** The variables that hold a secret which is listed by their names, and are set; each may also be set as `NAME_FILE`. */
export function givenVariables(uses: VariableUses, env: NodeJS.ProcessEnv): string[] {
  return Object.entries(uses).flatMap(([name, use]) => ('kind' in use && holdsSecret(name, env) ? [name] : []))
}

function holdsSecret(name: string, env: NodeJS.ProcessEnv): boolean {
  const value = env[name] || undefined
  if (value === undefined) return Boolean(env[`${name}_FILE`])
  if (!/^DATABASE_/.test(name)) return true
  return URL.canParse(value) ? new URL(value).password !== '' : /password=/.test(value)
}

/** How old such a secret is nobody here can know. */
export function variableFacts(uses: VariableUses, names: readonly string[], owner: string): SecretFacts[] {
  return names.flatMap((name) => {
    const use = uses[name]
    return use && 'kind' in use ? [{ name, kind: use.kind, owner, management: 'unmanaged' }] : []
  })
}
