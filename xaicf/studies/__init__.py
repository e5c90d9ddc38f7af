"""Figures and tables of the papers, each one file."""

from xaicf.studies.cdeepex_architectures import CDeepExArchitectures
from xaicf.studies.cdeepex_bias import CDeepExBias
from xaicf.studies.cdeepex_certified import CDeepExCertified
from xaicf.studies.cdeepex_faces import CDeepExFaces
from xaicf.studies.cdeepex_foreign_generator import CDeepExForeignGenerator
from xaicf.studies.cdeepex_path import CDeepExPath
from xaicf.studies.cdeepex_rivals import CDeepExRivals
from xaicf.studies.cdeepex_staged import CDeepExStaged
from xaicf.studies.cdeepex_starts import CDeepExStarts
from xaicf.studies.ganmex_bam import GanmexBAM
from xaicf.studies.ganmex_binary import GanmexBinary
from xaicf.studies.ganmex_losses import GanmexLosses
from xaicf.studies.ganmex_maps import GanmexMaps
from xaicf.studies.ganmex_misclassified import GanmexMisclassified
from xaicf.studies.ganmex_quality import GanmexQuality
from xaicf.studies.ganmex_randomisation import GanmexRandomisation
from xaicf.studies.gci_attributes import GCIAttributes
from xaicf.studies.gci_criticism import GCICriticism
from xaicf.studies.gci_path import GCIPath
from xaicf.studies.gci_planted import GCIPlanted
from xaicf.studies.gci_prototype import GCIPrototype
from xaicf.studies.study import Place, Row, Study, markdown, write
from xaicf.studies.wc_linear import WCLinear
from xaicf.studies.wc_maps import WCMaps
from xaicf.studies.wc_masking import WCMasking
from xaicf.studies.wc_recourse import WCRecourse
from xaicf.studies.wc_schemes import WCSchemes

STUDIES: dict[str, type[Study]] = {
    "cdeepex_architectures": CDeepExArchitectures,
    "cdeepex_bias": CDeepExBias,
    "cdeepex_certified": CDeepExCertified,
    "cdeepex_faces": CDeepExFaces,
    "cdeepex_foreign_generator": CDeepExForeignGenerator,
    "cdeepex_path": CDeepExPath,
    "cdeepex_rivals": CDeepExRivals,
    "cdeepex_staged": CDeepExStaged,
    "cdeepex_starts": CDeepExStarts,
    "ganmex_bam": GanmexBAM,
    "ganmex_binary": GanmexBinary,
    "ganmex_losses": GanmexLosses,
    "ganmex_maps": GanmexMaps,
    "ganmex_misclassified": GanmexMisclassified,
    "ganmex_quality": GanmexQuality,
    "ganmex_randomisation": GanmexRandomisation,
    "gci_attributes": GCIAttributes,
    "gci_criticism": GCICriticism,
    "gci_path": GCIPath,
    "gci_planted": GCIPlanted,
    "gci_prototype": GCIPrototype,
    "wc_linear": WCLinear,
    "wc_maps": WCMaps,
    "wc_masking": WCMasking,
    "wc_recourse": WCRecourse,
    "wc_schemes": WCSchemes,
}
"""The studies by name."""

__all__ = ["STUDIES", "Place", "Row", "Study", "markdown", "write"]
