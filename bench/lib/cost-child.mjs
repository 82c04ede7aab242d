import { cost, jsonCost } from './cost-of-definitions.mjs';

process.once('message', (definition) => {
  process.send({ cost: cost(definition), json: jsonCost(definition) }, () => process.disconnect());
});
