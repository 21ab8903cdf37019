import { type Decision, decide, type Step } from '../decide/decide.ts'
import type { Evidence } from '../decide/evidence.ts'
import { endEscrow, sealGiven } from '../lifecycle/escrow.ts'
import { activeVersion, type Keyring, versionOf } from '../lifecycle/keyring.ts'
import {
  activate,
  erasePrivate,
  markDemoted,
  markEmptied,
  markServed,
  prepare,
  retire,
  revoke,
} from '../lifecycle/transition.ts'
import type { Material, Version } from '../lifecycle/version.ts'
import type { AnyPolicy } from '../policy/client.ts'
import type { Policy } from '../policy/signing.ts'
import type { Change, KeyringStore, LoopStore } from '../stores/store.ts'

/** What carrying out needs from outside. */
export interface Hands<P extends AnyPolicy = Policy> {
  store: KeyringStore<P>
  /** Makes a key. Runs outside every transaction; what it made is thrown away when the race to save it is lost. */
  make(keyring: Keyring<P>): Promise<Material>
  /** Looks at the parties to a keyring. Must be read after the document that it is held against. */
  observe(keyring: Keyring<P>): Promise<Evidence>
  /**
   * Seals the secret of a version that was supplied from outside, for the escrow. Only needed where that may be. What it throws
   * holds the end of the version up.
   */
  sealGiven?(keyring: Keyring<P>, version: Version): Promise<string>
}

/** The same where clients may hold the keyrings: nothing is ever prepared for those, so there may be nobody to make it. */
export interface HandsOrEyes<P extends AnyPolicy>
  extends Partial<Pick<Hands<P>, 'make' | 'sealGiven'>>,
    Pick<Hands<P>, 'observe'> {
  store: LoopStore<P>
}

/**
 * Carries out every step that is due for a keyring, one save a step, until none is left, or there is enough of it.
 *
 * Any number of processes may do this at once: a step whose save loses the race is decided anew from the newer document,
 * where it is usually found done. A crash between two saves leaves a document from which the next call carries on.
 *
 * @returns the document and the decision that found nothing more to do; `undefined` when there is no such keyring
 */
export async function carryOut<P extends AnyPolicy>(
  name: string,
  hands: HandsOrEyes<P>,
  isEnough: (keyring: Keyring<P>) => boolean = () => false,
): Promise<{ keyring: Keyring<P>; decision: Decision } | undefined> {
  for (;;) {
    const keyring = await hands.store.load(name)
    if (!keyring) return undefined
    const evidence = await hands.observe(keyring)
    const decision = decide(keyring, evidence, await hands.store.now())
    const [step] = decision.steps
    if (!step || isEnough(keyring)) return { keyring, decision }
    await perform(step, keyring, hands)
  }
}

async function perform<P extends AnyPolicy>(step: Step, keyring: Keyring<P>, hands: HandsOrEyes<P>): Promise<void> {
  const now = await hands.store.now()
  switch (step.do) {
    case 'prepare': {
      if (!hands.make) throw new TypeError(`nobody makes versions of ${keyring.name}`)
      const material = await hands.make(keyring)
      // Making it took a while.
      await save(prepare(keyring, material, await hands.store.now()), 'keyring.prepared', { version: material.id })
      return
    }
    case 'mark-served':
      await save(markServed(keyring, step.id, now), 'keyring.served', { version: step.id })
      return
    case 'activate':
      await save(activate(keyring, step.id, now), 'keyring.activated', {
        version: step.id,
        replaces: activeVersion(keyring)?.id,
        forced: keyring.rotation?.forced ?? false,
        requestedBy: keyring.rotation?.by ?? null,
      })
      return
    case 'mark-demoted':
      await save(markDemoted(keyring, step.id, now), 'keyring.demoted', { version: step.id })
      return
    case 'mark-emptied':
      await save(markEmptied(keyring, step.id, now), 'keyring.emptied', { version: step.id })
      return
    case 'erase-private':
      await save(erasePrivate(keyring, step.id), 'keyring.private_erased', { version: step.id })
      return
    case 'seal-given': {
      if (!hands.sealGiven) throw new TypeError(`nobody seals what ${keyring.name} was given`)
      const sealedPrivate = await hands.sealGiven(keyring, versionOf(keyring, step.id))
      await save(sealGiven(keyring, step.id, sealedPrivate), 'keyring.given_sealed', { version: step.id })
      return
    }
    case 'end-escrow':
      await save(endEscrow(keyring, step.id), 'keyring.escrow_ended', { version: step.id })
      return
    case 'retire':
      await save(retire(keyring, step.id, now), 'keyring.retired', { version: step.id })
      return
    case 'revoke': {
      const { requestedAt: _requested, by, ...cause } = step.revocation
      await save(revoke(keyring, step.id, cause, now), 'keyring.revoked', { version: step.id, ...cause }, by)
    }
  }

  async function save(next: Keyring<P>, action: string, details: Change['details'], actor = 'rekey'): Promise<void> {
    await hands.store.save(keyring, next, { action, actor, details })
  }
}
