import type { Scenario } from '../frame/scenario.ts'
import { withWords } from '../frame/words.ts'

export const proxyReload: Scenario = {
  name: 'proxy-reload',
  says: 'the proxy reloads its settings twice: new workers take the new connections',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'endpoint')
    stage.fault()
    for (let time = 0; time < 2; time += 1) {
      await stack.endpoint.reload?.()
      await stage.pause(2_000)
      await stage.writesOn(await stack.leader(), performance.now())
    }
    return []
  },
  bars: { interruptions: 0 },
}
