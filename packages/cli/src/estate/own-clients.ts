import type { Credential, User } from './document.ts'
import type { Home } from './home.ts'
import { readIfPresent, writePrivateFile } from './private-file.ts'

/**
 * Gives the home the new secret of a client of its own, so that the estate, which was set up with the old one, does not shut
 * its operator out.
 *
 * @returns whether it is one of the home's
 */
export function rememberSecret({ clientsFile, estateFile, bff }: Home, credential: Credential): boolean {
  const isMeant = (member: Member) => member?.clientId === credential.clientId
  const ofBff = parsed(readIfPresent(clientsFile) ?? '{}').bff as Member
  // The old one behind it: it is what works at an instance of the IdP that has not heard of the new one yet.
  if (isMeant(ofBff)) {
    writePrivateFile(bff.clientSecretFile, `${credential.clientSecret}\n${ofBff?.clientSecret ?? ''}\n`)
  }
  const names = ['admin', 'agent', 'bff']
  return [clientsFile, estateFile].map((path) => replace(path, names, isMeant, credential)).includes(true)
}

/** The same for a new password of the home's user. */
export function rememberPassword({ clientsFile, estateFile }: Home, user: User): boolean {
  const isMeant = (member: Member) => member?.username === user.username
  return [clientsFile, estateFile].map((path) => replace(path, ['user'], isMeant, user)).includes(true)
}

type Member = Partial<Credential & User> | undefined

function replace(path: string, among: string[], isMeant: (member: Member) => boolean, by: Credential | User): boolean {
  const document = parsed(readIfPresent(path) ?? '{}')
  const names = among.filter((name) => isMeant(document[name] as Member))
  if (names.length === 0) return false
  for (const name of names) document[name] = by
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
