"""Packaging of Repertoire; requirements.lock holds the exact versions that set-up installs."""

from setuptools import find_packages, setup

RUNTIME = [
    "pyspark>=4.2.0,<4.3",
    "delta-spark>=4.4.0,<4.5",
    "pandas>=2.3,<3",
    "pyarrow>=26.0.1,<27",
    "numpy>=2.4.6,<3",
    "scipy>=1.17,<2",
    "scikit-learn>=1.9.1,<2",
    "threadpoolctl>=3.6,<4",
    "numba>=0.68.1,<0.69",
    "xgboost-cpu>=3.2,<3.3",
    "tensorflow>=2.21,<2.22",
    "deltalake>=1.6,<1.7",
    "obstore>=0.12,<0.13",
    "pydantic>=2.14,<3",
    "PyYAML>=6,<7",
    "typer>=0.29,<1",
    "rich>=15,<16",
    "Jinja2>=3.1.6,<4",
    "MarkupSafe>=3,<4",
]

TEST = [
    "pytest>=9,<10",
    "pytest-xdist>=3.8,<4",
    "hypothesis>=6.170,<7",
    "chispa>=0.12,<1",
    "import-linter>=2.16,<3",
    "ruff>=0.17,<0.18",
    "mypy>=2.4,<3",
    "prometheus-client>=0.26,<0.27",
    "playwright>=1.65,<2",
    "ranx>=0.3.21,<0.4",
    "implicit>=0.7.3,<0.8",
    "types-PyYAML>=6,<7",
    "venv-pack>=0.2,<0.3",  # scripts/package.sh
]

setup(
    name="repertoire",
    version="0.1.0",
    description="A nightly batch job on Spark: behaviour logs in, recommendation tables out",
    python_requires=">=3.11",
    package_dir={"": "lib"},
    packages=find_packages("lib"),
    package_data={"repertoire": ["*.properties"], "repertoire.report": ["templates/*"]},
    install_requires=RUNTIME,
    extras_require={"test": TEST},
    entry_points={"console_scripts": ["repertoire = repertoire.cli.main:main"]},
)
