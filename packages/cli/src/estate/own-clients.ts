import type { Credential } from './document.ts'
import type { Home } from './home.ts'
import { readIfPresent, writePrivateFile } from './private-file.ts'

/**
 * Gives the home the new secret of a client of its own, so that the estate, which was set up with the old one, does not shut
 * its operator out.
 *
 * @returns whether it is one of the home's
 */
export function rememberSecret({ clientsFile, estateFile }: Home, credential: Credential): boolean {
  return [clientsFile, estateFile].map((path) => replaceSecret(path, credential)).includes(true)
}

function replaceSecret(path: string, { clientId, clientSecret }: Credential): boolean {
  const document = parsed(readIfPresent(path) ?? '{}')
  const names = ['admin', 'agent'].filter((name) => (document[name] as Partial<Credential>)?.clientId === clientId)
  if (names.length === 0) return false
  for (const name of names) document[name] = { clientId, clientSecret }
  writePrivateFile(path, `${JSON.stringify(document, null, 2)}\n`)
  return true
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    // Its message quotes the text, which holds secrets. The next start says that the file is damaged.
    return {}
  }
}
