export { AnalysesModule } from './analyses.module.js';
