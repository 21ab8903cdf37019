import { SecretsError } from '../error.ts'
import { notWritable, type SecretSource, valuesIn } from './source.ts'

/** A variable of the environment that the process was started with. */
export function environmentSource(name: string, env: NodeJS.ProcessEnv): SecretSource {
  const description = `env:${name}`
  if (!/^[A-Za-z_]\w*$/.test(name))
    throw new SecretsError('SOURCE_INVALID', 'env: is followed by the name of a variable')
  const refuse = async () => {
    throw notWritable(description, 'it is part of how this process was started')
  }
  return {
    description,
    restMs: 1_000,
    async values() {
      const text = env[name]
      if (text === undefined) throw new SecretsError('SOURCE_MISSING', `${description} is not set`)
      return valuesIn(text, description)
    },
    isWritable: async () => false,
    add: refuse,
    remove: refuse,
    close: () => undefined,
  }
}
