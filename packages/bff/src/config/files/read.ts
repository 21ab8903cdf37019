/** The files of configuration of an instance. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { unmappedMethods } from '../../authz/mappings.ts'
import { BffError } from '../../error.ts'
import { type ConfigDocument, readDocument } from './document.ts'
import type { Idp } from './idp.ts'
import { idpsOf } from './idps.ts'
import { Mistakes } from './mistakes.ts'
import { type Pdp, pdpOf } from './pdp.ts'
import type { Route } from './route.ts'
import { routesOf } from './routes.ts'
import type { Reach } from './values.ts'

/** What the files say; what is not there is empty. */
export interface ConfigFiles {
  readonly idps: readonly Idp[]
  readonly pdp: Pdp | undefined
  readonly routes: readonly Route[]
}

const largestFile = 1_048_576

/**
 * Reads idps.yaml, pdp.yaml and routes.yaml, of which none needs to be there.
 *
 * @param folder none, where there are no such files
 * @param options `hasOtherIdp`: the environment names an issuer whose tokens bearer routes accept; `hasPages`: it names a folder
 *   of pages, which are served at `/*`
 * @throws BffError `CONFIG_INVALID` with every mistake by file, line and field, and without the value of any secret
 */
export function readConfigFiles(
  folder: string | undefined,
  env: NodeJS.ProcessEnv,
  options: Reach & { hasOtherIdp: boolean; hasPages?: boolean },
): ConfigFiles {
  if (folder === undefined) return { idps: [], pdp: undefined, routes: [] }
  requireFolder(folder)
  const mistakes = new Mistakes()
  requireNames(folder, mistakes)
  const read = <T>(file: string, make: (document: ConfigDocument, reach: Reach, mistakes: Mistakes) => T) => {
    const text = textOf(folder, file, mistakes)
    const document = text === undefined ? undefined : readDocument(file, text, env, mistakes)
    return { isThere: text !== undefined, document, made: document && make(document, options, mistakes) }
  }
  const idps = read('idps.yaml', idpsOf)
  const pdp = read('pdp.yaml', pdpOf)
  const routes = read('routes.yaml', (document, reach) => {
    const made = routesOf(document, reach, mistakes)
    const hasIdps = options.hasOtherIdp || (idps.isThere && idps.made?.length !== 0)
    checkTogether(document, made, { ...options, hasIdps, hasPdp: pdp.isThere, pdp: pdp.made }, mistakes)
    return made
  })
  mistakes.assertNone()
  return { idps: idps.made ?? [], pdp: pdp.made, routes: routes.made?.filter((route) => route !== undefined) ?? [] }
}

function requireFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  throw new BffError('CONFIG_INVALID', 'BFF_CONFIG_DIR is no folder')
}

/** A route that nobody reads is missed only when it is asked for. */
function requireNames(folder: string, mistakes: Mistakes): void {
  for (const name of readdirSync(folder).sort()) {
    const [, known] = /^(idps|pdp|routes)\.ya?ml$/i.exec(name) ?? []
    const right = `${known?.toLowerCase()}.yaml`
    if (known !== undefined && name !== right) mistakes.add(`${name}: nobody reads it; it has to be called ${right}`)
  }
}

function textOf(folder: string, file: string, mistakes: Mistakes): string | undefined {
  try {
    const bytes = readFileSync(join(folder, file))
    if (bytes.length <= largestFile) return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    mistakes.add(`${file}: larger than ${largestFile} bytes`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    mistakes.add(`${file}: ${code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'not UTF-8' : `cannot be read (${code})`}`)
  }
  return undefined
}

interface Around {
  readonly hasPages?: boolean
  readonly hasIdps: boolean
  readonly hasPdp: boolean
  readonly pdp: Pdp | undefined
}

/** What is wrong with a route because of what else is configured. */
function checkTogether(
  document: ConfigDocument,
  routes: readonly (Route | undefined)[],
  around: Around,
  mistakes: Mistakes,
): void {
  routes.forEach((route, i) => {
    if (!route) return
    const refuse = (field: string, message: string) =>
      mistakes.add(`${document.place(['routes', i, field])}: ${message}`)
    if (route.path === '/*' && around.hasPages)
      refuse('path', 'REKEY_BFF_WEB is served there: leave one of the two out')
    if (route.auth === 'bearer' && !around.hasIdps) {
      refuse('auth', 'idps.yaml, or REKEY_JWT_ISSUER, has to say whose tokens are good')
    }
    if (route.authz !== 'pdp') return
    if (!around.hasPdp) refuse('authz', 'pdp needs pdp.yaml, to say who decides')
    if (!around.pdp) return
    const unmapped = unmappedMethods(route, around.pdp.endpoints)
    if (unmapped.length > 0)
      refuse('authz', `neither authz_map nor endpoint_map says what is asked for ${unmapped.join(', ')}`)
  })
}
