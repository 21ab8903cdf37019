import type { Foreign } from './provider.ts'

/**
 * Registration access tokens as a careful identity provider renews them: a change brings a successor, the same one each time until it is used.
 * Only then the token before is dead, and whoever presents it is noticed: two of them would be in use.
 */
export function successorsAt({ provider }: Foreign) {
  const successors = new Map<string, string>()
  const dead = new Set<string>()

  async function successorOf(token: string, clientId: string): Promise<string> {
    const known = successors.get(token)
    if (known !== undefined) return known
    const Token = provider.RegistrationAccessToken as new (p: object) => { save(): Promise<string> }
    const made = await new Token({ clientId }).save()
    successors.set(token, made)
    return made
  }

  const tokens = {
    /** How often a dead token was presented. */
    replays: 0,
    /** The successor of a token, where one was told. */
    of: (token: string) => successors.get(token),
    successorOf,
    /** Takes note of a token that is presented. @returns whether it is alive */
    present(token: string): boolean {
      if (dead.has(token)) {
        tokens.replays += 1
        return false
      }
      for (const [before, after] of successors) if (after === token) dead.add(before)
      return true
    },
  }
  return tokens
}
