/** For tests of what stands above this package: what every store of keyrings has to do, and a folder of keyrings that changed. */
export { conformsToClientStore, conformsToStore } from './stores/conformance.ts'
export { changedIn } from './stores/folder.ts'
