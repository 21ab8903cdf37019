import type { IdentityProvider } from '../../src/providers/port.ts'

/** Nothing of ours catches it, as nothing of ours would be left to do so. */
export class Killed extends Error {
  override readonly name = 'Killed'
}

/** How far a runner comes. */
export interface Fate {
  /** The call of the provider, or of its journal, at which it ends. */
  at: number
  when: 'before' | 'after'
}

/** A provider in the hands of a runner that is killed: from then on none of its calls has any effect. */
export function mortal(provider: IdentityProvider, { at, when }: Fate) {
  let calls = 0
  let isDead = false
  let killedAt: string | undefined
  const die = (name: string): never => {
    isDead = true
    killedAt = name
    throw new Killed(name)
  }
  const wrap = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, name, self) {
        const member = Reflect.get(target, name, self)
        if (typeof member !== 'function') return member
        return async (...given: unknown[]) => {
          if (isDead) throw new Killed(String(name))
          const isLast = ++calls === at
          if (isLast && when === 'before') die(String(name))
          const answer = await settled(member.apply(target, given))
          if (isDead) throw new Killed(String(name))
          if (isLast) die(String(name))
          if (answer.status === 'rejected') throw answer.reason
          return answer.value
        }
      },
    })
  return {
    provider: wrap({ ...provider, journal: wrap(provider.journal) }),
    /** At which call it was killed; undefined while it lives. */
    get killedAt() {
      return killedAt
    },
  }
}

async function settled<T>(work: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([work])
  return result
}
