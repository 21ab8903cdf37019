import { resolve } from 'node:path'
import type { Home } from './home.ts'
import { readIfPresent, writePrivateFile } from './private-file.ts'

/** The BFF is the estate's own: nobody is asked whether it may. It asks about the tokens of those who administer it. */
const bff = {
  based_on: 'code-flow-pkjwt',
  scopes: ['openid', 'profile', 'email', 'offline_access', 'roles', 'tokens:read'],
  default_scopes: ['openid', 'profile', 'email', 'offline_access', 'tokens:read'],
  first_party: true,
}

/**
 * Writes the profiles by which clients register here: those of the shell's REKEY_CLIENT_PROFILES, and that of the BFF, unless the
 * shell has one of this name.
 *
 * @returns the file for the IdP: the shell's own where it is not readable, for the IdP to tell what is wrong with it
 */
export function writeClientProfiles(env: Readonly<Record<string, string | undefined>>, home: Home): string {
  const given = env.REKEY_CLIENT_PROFILES
  const profiles = given ? profilesIn(readIfPresent(resolve(given))) : {}
  if (profiles === undefined) return resolve(given ?? '')
  writePrivateFile(home.clientProfilesFile, `${JSON.stringify({ profiles: { bff, ...profiles } }, null, 2)}\n`)
  return home.clientProfilesFile
}

function profilesIn(text: string | undefined): object | undefined {
  try {
    const { profiles, ...others } = JSON.parse(text ?? '') as { profiles?: unknown }
    const isUsable = profiles !== null && typeof profiles === 'object' && Object.keys(others).length === 0
    return isUsable ? profiles : undefined
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}
