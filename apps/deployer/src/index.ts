export { DeployerModule } from './deployer.module.ts';
