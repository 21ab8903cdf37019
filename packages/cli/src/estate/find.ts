import { BreakGlassError, readTargets } from '@rekey/breakglass'
import { CliError } from '../error.ts'
import { bffTokenIn } from './bff-token.ts'
import { type Estate, estateDocument } from './document.ts'
import { homeOf } from './home.ts'
import { readIfPresent } from './private-file.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Finds the estate that commands act on: the one named by REKEY_IDP, REKEY_CLIENT_ID and REKEY_CLIENT_SECRET, otherwise the
 * one that `rekey up` runs in `$REKEY_HOME`. REKEY_BFF says where its backend for frontend is, or `off`; REKEY_BFF_ADMIN_TOKEN
 * by what such a one lets operators in, where its client may not ask the IdP about their tokens.
 *
 * @throws CliError `NO_ESTATE`, `ESTATE_UNREADABLE`, `WRONG_USE` when only some of the three variables are set
 */
export function findEstate(env: Environment, currentFolder: string): Estate {
  const estate = withBff(fromEnvironment(env) ?? fromFile(homeOf(env, currentFolder).estateFile), env.REKEY_BFF)
  // That of an estate which runs here is its own affair.
  const bffToken = env.REKEY_BFF ? bffTokenIn(env, currentFolder) : undefined
  return bffToken === undefined ? estate : { ...estate, bffToken }
}

function withBff(estate: Estate, named: string | undefined): Estate {
  if (!named) return estate
  const { bff: _bff, bffs: _bffs, ...others } = estate
  if (named === 'off') return others
  if (!/^https?:$/.test(URL.parse(named)?.protocol ?? '')) {
    throw new CliError('WRONG_USE', `REKEY_BFF "${named}" is no URL of a backend for frontend, and not "off"`)
  }
  return { ...others, bff: named.replace(/\/+$/, '') }
}

function fromEnvironment(env: Environment): Estate | undefined {
  const names = ['REKEY_IDP', 'REKEY_CLIENT_ID', 'REKEY_CLIENT_SECRET'] as const
  const missing = names.filter((name) => !env[name])
  // The id alone may stand in an environment for other reasons; an address says that another estate is meant.
  if (!env.REKEY_IDP) return undefined
  if (missing.length > 0) {
    throw new CliError('WRONG_USE', `REKEY_IDP names an estate elsewhere, but ${missing.join(' and ')} is not set`)
  }
  const credential = { clientId: env.REKEY_CLIENT_ID, clientSecret: env.REKEY_CLIENT_SECRET }
  const apis = addresses(env.REKEY_APIS)
  const parsed = estateDocument.safeParse({ idp: env.REKEY_IDP, apis, admin: credential, agent: credential })
  if (!parsed.success) throw new CliError('WRONG_USE', `REKEY_IDP "${env.REKEY_IDP}" is no URL`)
  return parsed.data
}

/** The addresses alone: what break-glass is told about them besides concerns nobody else. */
function addresses(apis = ''): string[] {
  try {
    return readTargets(apis).map(({ url }) => url)
  } catch (error) {
    if (!(error instanceof BreakGlassError)) throw error
    throw new CliError('WRONG_USE', `REKEY_APIS is malformed. ${error.message}`)
  }
}

function fromFile(path: string): Estate {
  const text = readIfPresent(path)
  if (text === undefined) {
    throw new CliError(
      'NO_ESTATE',
      `no estate is running here: ${path} does not exist. Start one with "rekey up", set REKEY_HOME to the home of a ` +
        'running one, or REKEY_IDP, REKEY_CLIENT_ID and REKEY_CLIENT_SECRET for one elsewhere',
      { path },
    )
  }
  try {
    return estateDocument.parse(JSON.parse(text))
  } catch (cause) {
    // The cause may quote the file, and the file holds secrets.
    const reason = cause instanceof SyntaxError ? 'it is no JSON' : 'members are missing or wrong'
    throw new CliError('ESTATE_UNREADABLE', `${path} cannot be used: ${reason}. Start "rekey up" again`, { path })
  }
}
